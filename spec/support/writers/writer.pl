# Sends rows through the outbox of a queue file, as writer.py does: writer.pl FILE GROUP FIRST LAST.
# DBD::SQLite (Debian: libdbd-sqlite3-perl).
use strict;
use warnings;
use DBI;

$| = 1;
my ($path, $group, $first, $last) = @ARGV;
my $handle = DBI->connect("dbi:SQLite:dbname=$path", "", "", { RaiseError => 1, AutoCommit => 1 });
$handle->sqlite_busy_timeout(60000);
my $insert = $handle->prepare(
    "INSERT INTO outbox (body, fifo_group, deduplication_id) VALUES (?, ?, ?)");
for my $number ($first .. $last) {
    $insert->execute("$group $number", $group, "$group-$number");
    print "$number\n";
}
