#compdef pgkeep pgbackrest
# Completion of pgkeep for zsh, also under the name pgbackrest where that is a link to it.

_pgkeep()
{
    local program line start= one word
    local -a lines open whole
    program=${commands[$words[1]]:-${~words[1]}}
    program=${program:A}
    [[ ${program:t} == pgkeep* ]] || { _default; return }
    line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    lines=("${(@f)$(COMP_LINE="$line" $program help --as=candidates 2>/dev/null)}")
    if [[ $PREFIX == -*=* ]]; then
        start="${PREFIX%%=*}="
        compset -P 1 '*='
    fi
    for one in $lines; do
        word="${${one%%$'\t'*}#$start}"
        case $one in
        :files) _files; return ;;
        :directories) _files -/; return ;;
        *=(|$'\t'*)) open+=("$word") ;;
        ?*) whole+=("$word") ;;
        esac
    done
    (( $#open )) && compadd -S '' -- $open
    (( $#whole )) && compadd -- $whole
    (( $#open + $#whole ))
}

# Found in a directory of functions it is called at once; otherwise it is announced.
if [[ $funcstack[1] == _pgkeep || $funcstack[1] == _pgbackrest ]]; then
    _pgkeep "$@"
else
    compdef _pgkeep pgkeep pgbackrest
fi
