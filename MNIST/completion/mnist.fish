# Completes `mnist ...`, `python MNIST ...` and `python -m MNIST ...` in fish.

# Asks the program what fits. The first argument: how many words start it.
function __mnist_ask
    set -l words (commandline -opc)
    set -l start (string replace -r '^~/' "$HOME/" -- $words[1..$argv[1]])
    set -e words[1..$argv[1]]
    set -l typed (commandline -ct | string replace -r '^["\']' '') # a quote may be open
    set -l lines ($start completion fish -- $words "$typed" 2>/dev/null)
    string join \n -- $lines[2..]
    set -l head (string match -r -- '^--[^=]*=' "$typed") # a path may follow the = of an option
    set -l path (string replace -- "$head" '' "$typed")
    switch "$lines[1]"
        case files
            string join \n -- "$head"(__fish_complete_path "$path")
        case folders
            string join \n -- "$head"(__fish_complete_directories "$path")
    end
end

# Says how many words start the program, and fails if it is not what python starts.
function __mnist_start
    set -l words (commandline -opc | string replace -r '^~/' "$HOME/")
    if test "$words[2]" = -m -a "$words[3]" = MNIST
        not test -e MNIST; or test -f MNIST/commands/completion.py; or return 1
        echo 3
    else
        string match -q '*MNIST' -- (string trim -r -c / -- "$words[2]"); or return 1
        test -f "$words[2]/commands/completion.py"; or return 1
        echo 2
    end
end

complete -c mnist -f -a '(__mnist_ask 1)'
for python in python python3 python3.11 python3.12 python3.13
    complete -c $python -n '__mnist_start >/dev/null' -f -a '(__mnist_ask (__mnist_start))'
end
