# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# Makes the words for kinds of notes and descriptors out of image.proto, so that cr_info names each kind that there is.
function table(prefix, name, i) {
    printf "static const struct word %s[] = {\n", name
    for (i = 0; i < count[prefix]; i++)
        printf "    {%s, \"%s\"},\n", number[prefix, i], word[prefix, i]
    print "};"
}
/^  (NOTE|DESCRIPTOR)_[A-Z0-9_]+ = [0-9]+;/ {
    prefix = $1
    sub(/_.*/, "", prefix)
    text = tolower(substr($1, length(prefix) + 2))
    gsub(/_/, " ", text)
    value = $3
    sub(/;.*/, "", value)
    number[prefix, count[prefix] + 0] = value
    word[prefix, count[prefix]++] = text
}
END {
    table("NOTE", "note_words")
    table("DESCRIPTOR", "descriptor_words")
}
