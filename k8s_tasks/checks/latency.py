"""How long a client waited for its TLS handshake, read in the packets on its link."""

from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.observing import Observation

APPLICATION = b"\x17\x03"  # how a record of encrypted data begins: RFC 8446, section 5.1


def tls_ready_ms(source: str, peer: tuple[str, int], seen: Observation) -> float | None:
    """Milliseconds from the SYN of the source's newest TLS conversation with the peer to the end of its
    handshake; None before there was one.

    The client's first encrypted record after the server has spoken is the end: in TLS 1.3 its Finished, in
    TLS 1.2 what follows the server's Finished.
    """
    here = seen.place(source).address
    talks = conversations(seen.seen_at(source), here, *peer)
    return next((ms for talk in reversed(talks) if (ms := _ready_ms(talk)) is not None), None)


def _ready_ms(talk: Conversation) -> float | None:
    spoke = next((each.at for each in talk.from_server if each.payload), None)
    if talk.handshake is None or spoke is None:
        return None
    answers = (each.at for each in talk.from_client if each.at > spoke and APPLICATION in each.payload)
    at = next(answers, None)
    return None if at is None else 1000 * (at - talk.handshake[0].at)
