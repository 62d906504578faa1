# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# An editor in a pseudo-terminal of script(1), fed with keys by its parent.
needs=(vim script /usr/bin/python3)
setup() {
    seq 1 3000 >text
    cat >edit.vim <<'END'
let i = 0
while i < 60
  execute '%s/\<' . (i * 17 + 1) . '\>/number ' . i . '/e'
  execute 'normal! ' . (i * 31 + 1) . "GoA new line " . i . "\<Esc>"
  redraw!
  sleep 15m
  let i += 1
endwhile
wq! result
END
}
job=(script -qefc 'vim -u NONE -i NONE -n -S edit.vim text' typescript)
results=(result)
