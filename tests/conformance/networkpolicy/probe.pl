# Reads lines "SOURCE_PORT MILLISECONDS ADDRESS:PORT/PROTOCOL ..." and answers each with what was reached.
#
# All targets of a line are tried at once. UDP goes out from the given source port: one that was used shortly before
# would pass as part of the earlier, once allowed exchange.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(:all);
use Time::HiRes qw(time);

$| = 1;
while (my $line = <STDIN>) {
    my ($source_port, $milliseconds, @targets) = split ' ', $line;
    my $deadline = time + $milliseconds / 1000;
    my $udp = IO::Socket::INET->new(Proto => 'udp', LocalPort => $source_port) or die "UDP $source_port: $@";
    my ($reading, $writing) = (IO::Select->new($udp), IO::Select->new);
    my (%target_of, %waiting, @reached);
    for my $target (@targets) {
        my ($address, $port, $protocol) = $target =~ m{^(.+):(\d+)/(\w+)$} or die "not a target: $target";
        my $peer = pack_sockaddr_in($port, inet_aton($address));
        if ($protocol eq 'TCP') {
            socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
            IO::Handle::blocking($tcp, 0);
            connect($tcp, $peer);
            $target_of{$tcp} = $target;
            $writing->add($tcp);
        } else {
            $waiting{$peer} = $target;
            send($udp, 'x', 0, $peer);
        }
    }
    while (%waiting || $writing->count) {
        my $left = $deadline - time;
        last if $left <= 0;
        my ($readable, $writable) = IO::Select->select($reading, $writing, undef, $left) or last;
        for my $tcp (@$writable) {
            my $error = unpack 'i', getsockopt($tcp, SOL_SOCKET, SO_ERROR);
            push @reached, $target_of{$tcp} if $error == 0;
            $writing->remove($tcp);
            close $tcp;
        }
        for my $socket (@$readable) {
            my $peer = recv($socket, my $text, 64, 0);
            push @reached, delete $waiting{$peer} if defined $peer && exists $waiting{$peer};
        }
    }
    print "@reached\n";
}
