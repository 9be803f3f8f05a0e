# Completes `mnist ...`, `python MNIST ...` and `python -m MNIST ...` in bash.

# Asks the program what fits. $1: how many words start it; then these words.
_mnist_ask() {
    local from=$1 paths="" line
    shift
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $paths ]]; then paths=$line; else COMPREPLY+=("${line%%$'\t'*}"); fi
    done < <("$@" completion bash -- "${COMP_WORDS[@]:from:COMP_CWORD-from+1}" 2>/dev/null)
    case $paths in
        files) # bash itself completes paths if there is nothing else
            if (( ${#COMPREPLY[@]} )); then
                compopt -o filenames 2>/dev/null
                while IFS= read -r line; do
                    COMPREPLY+=("$line")
                done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
            fi ;;
        folders) compopt -o dirnames +o default +o bashdefault 2>/dev/null ;;
        *) compopt +o default +o bashdefault 2>/dev/null ;;
    esac
}

_mnist() {
    _mnist_ask 1 "${COMP_WORDS[0]/#\~\//$HOME/}"
}

# Asks the program if it is what python starts; else leaves it to what completed python before.
_mnist_python() {
    local python=${COMP_WORDS[0]/#\~\//$HOME/} folder=${COMP_WORDS[1]/#\~\//$HOME/}
    folder=${folder//[\"\'\\]/}
    if [[ $folder == -m && ${COMP_WORDS[2]} == MNIST ]] && (( COMP_CWORD > 2 )) &&
        [[ ! -e MNIST || -f MNIST/commands/completion.py ]]; then
        _mnist_ask 3 "$python" -m MNIST
    elif (( COMP_CWORD > 1 )) && [[ ${folder%/} == *MNIST && -f ${folder%/}/commands/completion.py ]]; then
        _mnist_ask 2 "$python" "$folder"
    elif [[ -n $_mnist_before ]]; then
        "$_mnist_before" "$@"
    fi
}

# bash-completion loads what it has for a command when that is first completed: here at once.
if ! complete -p python >/dev/null 2>&1; then
    for _mnist_before in _comp_load __load_completion _completion_loader; do
        if declare -F "$_mnist_before" >/dev/null; then
            "$_mnist_before" python >/dev/null 2>&1
            break
        fi
    done
fi
_mnist_before=$(complete -p python 2>/dev/null)
if [[ $_mnist_before =~ -F\ ([^ ]+) && ${BASH_REMATCH[1]} != _mnist_python ]]; then
    _mnist_before=${BASH_REMATCH[1]}
else
    _mnist_before=""
fi

complete -o bashdefault -o default -F _mnist mnist
complete -o bashdefault -o default -F _mnist_python python python3 python3.11 python3.12 python3.13
