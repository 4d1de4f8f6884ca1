# Hashes, expressions, sorting, and children that share what the parent made.

cat >work.pl <<'PERL'
use strict;
use warnings;

my %hash;
$hash{"key " . ($_ * 7919 % 100_003)} = [$_, "x" x ($_ % 200)] for 1 .. 60_000;
delete $hash{"key $_"} for grep { $_ % 3 == 0 } 1 .. 100_003;
print scalar(keys %hash), "\n";
my $sum = 0;
$sum += length $_->[1] for values %hash;
print "$sum\n";
my @sorted = sort { $a->[0] <=> $b->[0] } values %hash;
print join(",", map { $_->[0] } @sorted[0 .. 9]), "\n";

my $text = join " ", map { "word$_=" . ($_ * 31 % 1009) } 1 .. 20_000;
my %found;
$found{$2} .= "$1;" while $text =~ /\bword(\d+)=(\d{2})\b/g;
print scalar(keys %found), " ", length(join "", map { $found{$_} } sort keys %found), "\n";
(my $changed = $text) =~ s/(\d+)=(\d+)/$2:$1/g;
print length($changed), " ", unpack("%32C*", $changed), "\n";

my @pids;
for my $child (1 .. 8) {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $hash{"child $child $_"} = "y" x $_ for 1 .. 500;
        %found = ();
        open my $out, ">", "child$child" or die;
        print $out scalar(keys %hash), "\n";
        close $out;
        exit $child;
    }
    push @pids, $pid;
}
my $codes = 0;
for (@pids) { waitpid $_, 0; $codes += $? >> 8 }
print "$codes\n";
my @tree;
push @{ $tree[$_ % 50]{$_ % 7} }, { id => $_, parent => \@tree } for 1 .. 20_000;
print scalar(@{ $tree[13]{3} }), "\n";
@tree = ();
eval { die { reason => "thrown" } };
print $@->{reason}, "\n";
PERL
perl work.pl
cat child{1..8}
