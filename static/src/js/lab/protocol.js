// The ink of a line: which protocol tcpdump, ping or nc speaks of. Colour only helps the eye; the
// words say the same, and nothing is decided by it.
const RULES = [
  ["arp", /\bARP, |\blladdr\b/],
  ["icmp", /\bICMP6?,? |\bicmp_seq=|^PING /],
  ["reset", /\bFlags \[R/],
  ["handshake", /\bFlags \[S/],
  ["tcp", /\bFlags \[|^(Connection|Listening)\b/],
  ["udp", /\bUDP, /],
];

export function protocolOf(line) {
  return RULES.find(([, pattern]) => pattern.test(line))?.[0] ?? "";
}
