# Bash completion for sealkeep.
_sealkeep() {
    local word rest=$COMP_LINE words=() reply i
    # Bash splits words at @, : and =, too. The command gets them as they were typed.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i -eq 0 || $rest == [[:space:]]* ]]; then
            words+=("$word")
        else
            words[${#words[@]} - 1]+=$word
        fi
        rest=${rest#"${rest%%[![:space:]]*}"}
        rest=${rest#"$word"}
    done
    local index=$((${#words[@]} - 1))
    # Readline replaces only what follows the last of these characters.
    local kept=${words[index]%"$2"}
    COMPREPLY=()
    while IFS= read -r reply; do
        [[ -n $reply ]] || continue
        printf -v reply %q "${reply#"$kept"}"
        COMPREPLY+=("$reply")
    done < <(VARIABLE=bash _CLAP_COMPLETE_INDEX=$index _CLAP_IFS=$'\n' COMPLETER -- "${words[@]}" 2>/dev/null; echo)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _sealkeep BINARY
