"""Objects, commands, names and certificates: what each kind of condition passes, fails and leaves open."""

import datetime

import dns.message
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from curriculum.enums import Verdict
from curriculum.kinds import AnswerSettings, CommandSettings, DnsSettings, ObjectSettings, TlsSettings
from curriculum.text import Text
from k8s_tasks.checks import answer, command, objects, tls
from k8s_tasks.checks import dns as dns_check
from k8s_tasks.checks.finding import Broken
from k8s_tasks.cluster.execs import Completed
from tests.packets import ANA, datagram, seen

PASS, FAIL = Verdict.PASS, Verdict.FAIL
OTHERWISE = Text({"pt-br": "não", "en": "it is not"})


def said(stdout="", exit_code=0) -> Completed:
    return Completed(stdout.encode(), b"", exit_code)


class TestObject:
    settings = ObjectSettings(api="v1", resource="Service", name="web", expression="x", otherwise=OTHERWISE)
    service = {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"type": "NodePort", "ports": [{}]}}

    def judge(self, expression, found=service):
        return objects.judge(self.settings, found, name="web", expression=expression)

    def test_what_holds_passes_and_says_which_state_was_judged(self):
        found = self.judge("object.spec.type == 'NodePort'")
        assert (found.verdict, found.evidence["resource_version"]) == (PASS, "7")

    def test_what_does_not_hold_fails_in_the_authors_words(self):
        assert self.judge("object.spec.type == 'ClusterIP'").reason["en"] == "it is not"

    def test_a_field_that_is_absent_is_a_failure_not_a_broken_check(self):
        assert self.judge("object.spec.ports[0].nodePort == 30000").verdict == FAIL

    def test_only_true_holds(self):
        assert self.judge("object.spec.type").verdict == FAIL

    def test_an_object_that_is_not_there_is_not_yet(self):
        assert "There is no Service named web yet" in self.judge("true", found=None).reason["en"]

    def test_without_a_name_all_objects_are_looked_at(self):
        found = objects.judge(self.settings, {"items": [{}, {}]}, name="", expression="size(objects) == 2")
        assert found.verdict == PASS


class TestCommand:
    def judge(self, done, **facts):
        settings = CommandSettings(pod="ana", argv=("ss", "-ti"), otherwise=OTHERWISE, **facts)
        return command.judge(settings, done, pattern=facts.get("matches", ""), place="worker")

    def test_a_number_is_held_against_bounds(self):
        bounds = {"matches": r"retrans:\d+/(\d+)", "lowest": 1}
        assert self.judge(said("retrans:0/7"), **bounds).verdict == PASS
        assert self.judge(said("retrans:0/0"), **bounds).verdict == FAIL
        assert self.judge(said("no such line"), **bounds).verdict == FAIL

    def test_the_exit_code_counts_and_the_place_is_called_as_people_know_it(self):
        assert self.judge(said(exit_code=1)).verdict == FAIL
        assert self.judge(said()).reason["en"] == "In worker the command printed what it must."

    def test_a_command_that_is_not_there_decides_nothing(self):
        with pytest.raises(Broken, match="cannot be run in worker"):
            self.judge(said(exit_code=127))


class TestAnswer:
    @pytest.mark.parametrize(("right", "typed"), [(30080, "30080"), (3.0, "3"), ("10.96.0.7", " 10.96.0.7 ")])
    def test_a_value_is_compared_as_one_would_type_it(self, right, typed):
        assert answer.judge_value(right, typed).verdict == PASS

    def test_a_wrong_answer_does_not_tell_the_right_one(self):
        found = answer.judge_value(30080, "30081")
        assert found.verdict == FAIL
        assert "30080" not in f"{found.reason}{found.evidence}"

    @pytest.mark.parametrize(
        ("settings", "is_live"),
        [
            ({"equals": "object", "expression": "object.spec.clusterIP", "resource": "Service"}, True),
            ({"equals": "object", "expression": "7 - 3 + 1", "resource": "Service"}, False),
            ({"equals": "value", "value": "75"}, False),
        ],
    )
    def test_only_what_was_read_there_is_said_to_be_on_the_live_cluster(self, settings, is_live):
        assert answer.is_read_live(AnswerSettings(step="answer", **settings)) == is_live
        told = [answer.judge_value(5, typed, is_live=is_live).reason["en"] for typed in ("5", "6")]
        assert [("live cluster" in each) for each in told] == [is_live, is_live]

    def test_without_anything_to_compare_with_it_is_not_yet(self):
        assert "do the steps before it" in answer.judge_value(None, "5").reason["en"]

    def test_the_right_answer_is_read_off_the_platforms_own_command(self):
        link = said("7: veth3f2a@if2: <UP> mtu 1500")
        assert answer.read_answer(link, r"^(\d+): veth", place="node:1") == "7"

    def test_a_command_without_an_answer_decides_nothing(self):
        with pytest.raises(Broken, match="could not be read at node:1: exit code 1"):
            answer.read_answer(said(exit_code=1), r"^(\d+): veth", place="node:1")


class TestDns:
    settings = DnsSettings(source="ana", name="web.lab")

    def reply(self, *addresses, name="web.lab", code=0):
        message = dns.message.make_response(dns.message.make_query(name, "A"))
        message.set_rcode(code)
        if addresses:
            message.answer.append(dns.rrset.from_text(f"{name}.", 5, "IN", "A", *addresses))
        return datagram("10.96.0.10", ANA, 53, 4000, message.to_wire())

    def judge(self, *packets, wanted):
        replies = dns_check.replies_in(seen(packets), "ana", record="A", name="web.lab")
        return dns_check.judge(self.settings, replies, name="web.lab", wanted=wanted)

    def test_the_answer_on_the_wire_is_what_counts(self):
        assert self.judge(self.reply("10.0.0.7"), wanted=["10.0.0.7"]).verdict == PASS
        assert self.judge(self.reply("10.0.0.7"), wanted=["10.0.0.8"]).verdict == FAIL

    def test_a_headless_service_must_give_all_its_pods_and_no_other(self):
        both = ["10.0.0.7", "10.0.0.8"]
        assert self.judge(self.reply(*both), wanted=both).verdict == PASS
        assert self.judge(self.reply(*both), wanted=both[:1]).verdict == FAIL

    def test_no_such_name_is_an_answer(self):
        assert self.judge(self.reply(code=3), wanted=[]).verdict == PASS
        assert self.judge(self.reply("10.0.0.7"), wanted=[]).verdict == FAIL

    def test_an_answer_about_another_name_is_none(self):
        found = self.judge(self.reply("10.0.0.7", name="other.lab"), wanted=["10.0.0.7"])
        assert "No answer about web.lab came" in found.reason["en"]

    def test_rubbish_on_port_53_is_left_out(self):
        assert self.judge(datagram("10.96.0.10", ANA, 53, 4000, b"\x00\x01junk"), wanted=[]).verdict == FAIL


class TestTls:
    settings = TlsSettings(
        address="10.0.0.1",
        port="443",
        name="web.example",
        names=("web.example",),
        issuer="redes-ca",
        trusts="ca",
    )

    def shown(self, *names, issuer="redes-ca", verified="0 (ok)") -> Completed:
        held = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(77)
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(held, critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        return said(f"CONNECTED\n{pem}\nVerify return code: {verified}\n")

    def judge(self, done):
        return tls.judge(self.settings, done, name="web.example", names=["web.example"])

    def test_names_issuer_and_trust_make_a_good_certificate(self):
        found = self.judge(self.shown("web.example"))
        assert (found.verdict, found.evidence["serial"]) == (PASS, "4d")

    @pytest.mark.parametrize(
        ("shown", "reason"),
        [
            ({"names": ["other.example"]}, "does not hold the name web.example"),
            ({"names": ["web.example"], "issuer": "mallory"}, "signed by mallory, not by redes-ca"),
            ({"names": ["web.example"], "verified": "10 (certificate has expired)"}, "has expired"),
        ],
    )
    def test_what_is_wrong_with_it_is_said(self, shown, reason):
        names = shown.pop("names")
        found = self.judge(self.shown(*names, **shown))
        assert found.verdict == FAIL
        assert reason in found.reason["en"]

    def test_no_handshake_is_a_failure(self):
        assert self.judge(said("connect: Connection refused", exit_code=1)).verdict == FAIL
