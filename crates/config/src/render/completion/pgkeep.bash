# Completion of pgkeep for bash, also under the name pgbackrest where that is a link to it.

_pgkeep()
{
    COMPREPLY=()
    local line="${COMP_LINE:0:COMP_POINT}" program word typed start='' one
    program=$(type -P -- "${COMP_WORDS[0]/#\~\//$HOME/}") || return
    program=$(readlink -f -- "$program") || return
    case "${program##*/}" in pgkeep*) ;; *) return ;; esac
    word="${line##*[[:space:]]}"
    typed="$word"
    # For bash what follows an equals sign is a word of its own.
    case "$word" in -*=*) typed="${word#*=}"; case "$COMP_WORDBREAKS" in *=*) start="${word%%=*}=" ;; esac ;; esac
    while IFS= read -r one; do
        case "$one" in
        :files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$typed") ;;
        :directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$typed") ;;
        ?*)
            one="${one%%$'\t'*}"
            case "$one" in *=) compopt -o nospace 2>/dev/null ;; esac
            COMPREPLY+=("${one#"$start"}")
            ;;
        esac
    done < <(COMP_LINE="$line" "$program" help --as=candidates 2>/dev/null)
}

complete -F _pgkeep pgkeep
case "$(readlink -f -- "$(type -P pgbackrest)" 2>/dev/null)" in */pgkeep*) complete -F _pgkeep pgbackrest ;; esac
