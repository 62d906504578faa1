# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion for the commands for processes: options are those that --help names.
_quiesce_process() {
    local command=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$command" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u)" -- "$current")
    elif [[ $command == *cr_checkpoint ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(ps -u "$(id -u)" -o pid= | tr -d ' ')" -- "$current")
    elif [[ $command == *cr_run ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    fi
}
complete -o default -F _quiesce_process cr_checkpoint cr_restart cr_info cr_run
