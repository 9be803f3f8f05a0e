# Completes `mnist ...`, `python MNIST ...` and `python -m MNIST ...` in zsh.

# Asks the program what fits. $1: how many words start it; then these words.
_mnist_ask() {
    local from=$1 head="" line word
    local -a lines shown
    shift
    lines=("${(@f)$("$@" completion zsh -- "${(@Q)words[from+1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    if [[ $PREFIX == --*=* ]]; then # only what is behind the = is completed
        head=${PREFIX%%=*}=
        compset -P 1 '*='
    fi
    for line in "${(@)lines[2,-1]}"; do
        word=${${line%%$'\t'*}#$head}
        shown+=("${word//:/\\:}")
        [[ $line == *$'\t'* ]] && shown[-1]+=":${line#*$'\t'}"
    done
    (( $#shown )) && _describe mnist shown
    case $lines[1] in
        files) _files ;;
        folders) _files -/ ;;
    esac
}

_mnist() {
    _mnist_ask 1 ${~words[1]}
}

# Asks the program if it is what python starts; else leaves it to what completed python before.
_mnist_python() {
    local folder=${${~words[2]}%/}
    if [[ $folder == -m && $words[3] == MNIST ]] && (( CURRENT > 3 )) &&
        [[ ! -e MNIST || -f MNIST/commands/completion.py ]]; then
        _mnist_ask 3 ${~words[1]} -m MNIST
    elif (( CURRENT > 2 )) && [[ ${(Q)folder} == *MNIST && -f ${(Q)folder}/commands/completion.py ]]; then
        _mnist_ask 2 ${~words[1]} ${(Q)folder}
    else
        # What zsh itself has for python it keeps for a pattern of names.
        ${_mnist_before:-${_patcomps[(k)python]:-${_postpatcomps[(k)python]:-_default}}} "$@"
    fi
}

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
[[ ${_comps[python]} == _mnist_python ]] || typeset -g _mnist_before=${_comps[python]}
compdef _mnist mnist
compdef _mnist_python python python3 python3.11 python3.12 python3.13
