# Listens on the TCP and UDP ports given: takes every connection, sends every datagram back.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;

$SIG{TERM} = $SIG{INT} = sub { exit 0 };
my $all = IO::Select->new;
my %is_tcp;
for my $port (@ARGV) {
    my $tcp = IO::Socket::INET->new(LocalPort => $port, Listen => 128, ReuseAddr => 1) or die "TCP $port: $@";
    my $udp = IO::Socket::INET->new(LocalPort => $port, Proto => 'udp') or die "UDP $port: $@";
    $is_tcp{$tcp} = 1;
    $all->add($tcp, $udp);
}
while (1) {
    for my $socket ($all->can_read) {
        if ($is_tcp{$socket}) {
            my $connection = $socket->accept and next;
        } else {
            my $sender = $socket->recv(my $text, 64);
            $socket->send($text, 0, $sender) if defined $sender;
        }
    }
}
