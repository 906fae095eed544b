# Completion of pgkeep for fish, also under the name pgbackrest where that is a link to it.

function __pgkeep_is_ours --argument-names name
    set -l program (command -v $name 2>/dev/null); or return 1
    string match -q 'pgkeep*' (basename (realpath $program))
end

function __pgkeep_candidates
    set -l name (commandline -opc)[1]
    __pgkeep_is_ours $name; or return
    set -l program (realpath (command -v $name))
    set -l line (commandline -cp)
    set -l token (commandline -ct)
    set -l start (string match -r -- '^-[^=]*=' "$token")
    set -l typed (string replace -r -- '^-[^=]*=' '' "$token")
    for one in (env COMP_LINE="$line" $program help --as=candidates 2>/dev/null)
        switch $one
            case :files
                for path in (__fish_complete_path "$typed")
                    echo "$start$path"
                end
            case :directories
                for path in (__fish_complete_directories "$typed" '')
                    echo "$start$path"
                end
            case '*'
                echo $one
        end
    end
end

complete -c pgkeep -f -a '(__pgkeep_candidates)'
if __pgkeep_is_ours pgbackrest
    complete -c pgbackrest -f -a '(__pgkeep_candidates)'
end
