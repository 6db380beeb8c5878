"""Why a condition fails, in words that a lab may name: its hints may wait for one of them.

The sentence a student reads says more; this is what stays the same whatever pods and ports it is about.
"""

from enum import StrEnum

from curriculum.enums import ConditionKind
from curriculum.kinds import Proof, inner_proofs


class Reason(StrEnum):
    UNANSWERED = "unanswered"
    NOTHING_TO_COMPARE = "nothing-to-compare"
    WRONG_ANSWER = "wrong-answer"
    MISSING = "missing"
    NOT_SO = "not-so"
    REACHED = "reached"
    REFUSED = "refused"
    DROPPED = "dropped"
    SILENT = "silent"
    NOT_SENT = "not-sent"
    WRONG_SHARE = "wrong-share"
    UNSERVED = "unserved"
    UNEVEN = "uneven"
    SCATTERED = "scattered"
    OTHER_REPLICAS = "other-replicas"
    NOT_CAPTURED = "not-captured"
    NO_REPLY = "no-reply"
    WRONG_ADDRESS = "wrong-address"
    NO_BEGINNING = "no-beginning"
    NOT_ACKNOWLEDGED = "not-acknowledged"
    SENT_ONCE = "sent-once"
    WRONG_REPLY = "wrong-reply"
    NO_HANDSHAKE = "no-handshake"
    WRONG_NAMES = "wrong-names"
    WRONG_ISSUER = "wrong-issuer"
    UNTRUSTED = "untrusted"
    NOT_ARRIVED = "not-arrived"
    READABLE = "readable"
    NOT_SEALED = "not-sealed"
    WRONG_SIZE = "wrong-size"
    OTHER_PATH = "other-path"
    OFF_BOUND = "off-bound"
    PRESENT = "present"
    WRONG_RATE = "wrong-rate"
    NOT_RUN = "not-run"
    NOT_ENDED = "not-ended"


MEANINGS = {
    Reason.UNANSWERED: "the step has no answer yet",
    Reason.NOTHING_TO_COMPARE: "what the answer is compared with has not happened yet",
    Reason.WRONG_ANSWER: "the cluster says otherwise than the answer",
    Reason.MISSING: "there is no object of that name",
    Reason.NOT_SO: "the expression or the output is not as it must be: the author's `otherwise`",
    Reason.REACHED: "a probe reached what must be shut",
    Reason.REFUSED: "nobody listens there",
    Reason.DROPPED: "a probe was lost that must arrive, on its way or coming back",
    Reason.SILENT: "a probe arrived, and was not answered",
    Reason.NOT_SENT: "a probe or a datagram never left its source",
    Reason.WRONG_SHARE: "the measured share is not the right one",
    Reason.UNSERVED: "some requests came to no replica",
    Reason.UNEVEN: "the replicas did not share the requests evenly",
    Reason.SCATTERED: "a client, or a key, did not stay with one replica",
    Reason.OTHER_REPLICAS: "there are not as many replicas as it takes, or the first count is only noted",
    Reason.NOT_CAPTURED: "no such packet was captured yet",
    Reason.NO_REPLY: "a question was sent, and no answer seen",
    Reason.WRONG_ADDRESS: "the target saw another address than it must",
    Reason.NO_BEGINNING: "the conversation was captured without its handshake",
    Reason.NOT_ACKNOWLEDGED: "what was sent is not acknowledged, or not all of it",
    Reason.SENT_ONCE: "nothing had to be sent again",
    Reason.WRONG_REPLY: "the server answered something else",
    Reason.NO_HANDSHAKE: "no TLS handshake was finished",
    Reason.WRONG_NAMES: "the certificate lacks a name",
    Reason.WRONG_ISSUER: "the certificate is signed by another",
    Reason.UNTRUSTED: "a client does not trust the certificate",
    Reason.NOT_ARRIVED: "it was sent, and did not come to the target",
    Reason.READABLE: "a word that must be sealed left its source readable",
    Reason.NOT_SEALED: "the word arrived, but not while the source spoke TLS",
    Reason.WRONG_SIZE: "a packet came whole, and its size is not the limit",
    Reason.OTHER_PATH: "the way had another delay or loss than it must",
    Reason.OFF_BOUND: "the throughput is not what its bound gives",
    Reason.PRESENT: "what must not be is there",
    Reason.WRONG_RATE: "what was sent passed faster or slower than it must",
    Reason.NOT_RUN: "the step has not been run yet",
    Reason.NOT_ENDED: "the step has not ended yet",
}

OF_KIND = {
    ConditionKind.REACH: (Reason.REACHED, Reason.REFUSED, Reason.DROPPED, Reason.SILENT, Reason.NOT_SENT),
    ConditionKind.MATRIX: (Reason.REACHED, Reason.REFUSED, Reason.DROPPED),
    ConditionKind.OBJECT: (Reason.MISSING, Reason.NOT_SO),
    ConditionKind.COMMAND: (Reason.NOT_SO,),
    ConditionKind.LOSS: (Reason.WRONG_SHARE, Reason.NOT_SENT),
    ConditionKind.BALANCE: (Reason.UNEVEN, Reason.UNSERVED),
    ConditionKind.AFFINITY: (Reason.SCATTERED, Reason.UNSERVED),
    ConditionKind.REMAP: (Reason.WRONG_SHARE, Reason.OTHER_REPLICAS, Reason.SCATTERED, Reason.UNSERVED),
    ConditionKind.RATE: (Reason.NOT_CAPTURED, Reason.NOT_ACKNOWLEDGED, Reason.WRONG_RATE),
    ConditionKind.CAPTURE: (
        Reason.NOT_CAPTURED,
        Reason.NO_REPLY,
        Reason.WRONG_ADDRESS,
        Reason.NO_BEGINNING,
        Reason.NOT_ACKNOWLEDGED,
        Reason.SENT_ONCE,
        Reason.MISSING,
        Reason.NOT_ARRIVED,
        Reason.READABLE,
        Reason.NOT_SEALED,
        Reason.WRONG_SIZE,
    ),
    ConditionKind.THROUGHPUT: (
        Reason.NOT_CAPTURED,
        Reason.NO_BEGINNING,
        Reason.NOT_ENDED,
        Reason.OTHER_PATH,
        Reason.OFF_BOUND,
    ),
    ConditionKind.TLS: (
        Reason.MISSING,
        Reason.NO_HANDSHAKE,
        Reason.WRONG_NAMES,
        Reason.WRONG_ISSUER,
        Reason.UNTRUSTED,
    ),
    ConditionKind.DNS: (Reason.NO_REPLY, Reason.WRONG_REPLY),
    ConditionKind.ANSWER: (Reason.UNANSWERED, Reason.NOTHING_TO_COMPARE, Reason.WRONG_ANSWER),
    ConditionKind.ALL: (),
    ConditionKind.ANY: (),
    ConditionKind.NOT: (Reason.PRESENT, Reason.NOT_ENDED),
    ConditionKind.DURING: (Reason.NOT_RUN,),
    ConditionKind.AFTER: (Reason.NOT_ENDED,),
}


def reasons_of(proof: Proof) -> list[Reason]:
    """Those a condition can fail with: its kind's own and, where it is put together, those of its parts."""
    found = list(OF_KIND[proof.kind])
    for inner in inner_proofs(proof.parsed):
        found += reasons_of(inner)
    return list(dict.fromkeys(found))
