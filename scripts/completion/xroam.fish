# SPDX-License-Identifier: GPL-2.0-only
#
# Completion of xroam(8) for fish. What fits is what "xroam complete" says: the command
# knows its own words, and the names that there are now.

function __xroam_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)

    for line in ($words[1] complete -- $words[2..-1] $current 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path $current
        else
            printf '%s\n' $line
        end
    end
end

complete -c xroam -f -a '(__xroam_complete)'
