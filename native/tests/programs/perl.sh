# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# shellcheck disable=SC2016 # what is in quotes is for the program
# SPDX-License-Identifier: Apache-2.0

needs=(perl)
job=(perl -e '
    my %h; my $x = 42;
    for my $i (1 .. 6000000) { $x = ($x * 1103515245 + 12345) % 2147483648; $h{$x % 5000} += $i; }
    my $pid = open(my $child, "-|") // die; if (!$pid) { print "from the child $_\n" for 1 .. 1000; exit 3; }
    my @lines = <$child>; close $child; print scalar(@lines), " ", $? >> 8, "\n";
    print "$_ $h{$_}\n" for sort { $a <=> $b } keys %h;')
