"""The way of a student, a teacher and an administrator through the portal, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.cable import Cable
from tests.e2e.lab_page import ALL_PROVEN, LAB, LabPage
from tests.e2e.windows import choose_language

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

SCREEN = "[data-replay-screen] pre"
AGAIN = re.compile("Reproduzir de novo|Play again")
SEQUENCE = re.compile(r"icmp_seq=(\d+)")


def sequence_of(pane) -> list[int]:
    """The numbers of the replies a pane shows, in the order of its lines."""
    return [int(number) for number in SEQUENCE.findall(pane.inner_text())]


def is_gapless(numbers: list[int]) -> bool:
    return numbers == list(range(1, len(numbers) + 1))


def test_a_student_proves_the_whole_lab(enter):
    _, page = enter("student")
    page.goto("/")
    page.locator("#main a[href^='/chapters/']").first.click()
    expect(page.locator("article svg.drawing-svg").first).to_be_visible()
    page.locator(f"a[href='{LAB}']").first.click()
    lab = LabPage(page).start(anew=True)

    lab.run("addresses", until="10.244.")
    expect(page.locator("#run-ping-across")).to_be_disabled()
    lab.predict("62")
    expect(page.locator("#run-ping-across")).to_be_enabled()
    capture = lab.run("capture", until="listening on eth0")
    listener = lab.run("listen", until="Listening")
    lab.run("ping-across", until="ttl=62")
    expect(capture).to_contain_text("ICMP echo reply")
    lab.stop("ping")

    screen = lab.open_terminal()
    lab.type("hostname")
    expect(screen).to_contain_text(re.compile(r"hostname\s*ana"))
    lab.answer_ttl("62")
    lab.run("send", until="succeeded")
    expect(listener).to_contain_text(lab.parameter(r"redes-\w+"))
    expect(capture).to_contain_text("Flags [S.]")

    assert lab.verify() == ALL_PROVEN
    for number in range(len(ALL_PROVEN)):
        expect(lab.condition(number).locator(".condition-reason")).not_to_be_empty()
        lab.condition(number).locator("summary").click()
        expect(lab.condition(number).locator("dd").nth(1)).not_to_be_empty()
    page.reload()
    assert lab.verdicts() == ALL_PROVEN
    expect(page.locator(".debrief")).to_be_visible()
    lab.end()
    assert lab.verdicts() == ALL_PROVEN


def test_a_reload_in_mid_stream_shows_every_line_once(lab):
    lab.predict("62")
    lab.run("ping-across", until="icmp_seq=3")
    lab.page.reload()
    pane = lab.pane("ping")
    expect(pane).to_contain_text("icmp_seq=6")
    assert is_gapless(sequence_of(pane))
    lab.stop("ping")


def test_two_windows_see_the_same_lines(start_lab):
    person, lab = start_lab()
    second = LabPage(person.window())
    second.page.goto(LAB)
    lab.run("ping-near")
    ending = re.compile(r"rtt min/avg/max")
    for window in (lab, second):
        expect(window.pane("ping")).to_contain_text(ending)
    assert second.pane("ping").inner_text() == lab.pane("ping").inner_text()
    assert sequence_of(second.pane("ping")) == [1, 2, 3, 4]


def test_a_dropped_connection_is_said_and_goes_on_where_it_was(start_lab, stack):
    cable = Cable(stack.url)
    person, lab = start_lab(url=cable.url)
    person.forgive("ERR_")
    lab.predict("62")
    lab.run("ping-across", until="icmp_seq=2")
    screen = lab.open_terminal()
    lab.type("kept=here")
    # Keys still on their way when the cable is pulled are lost, as the keys of any remote shell are.
    expect(screen).to_contain_text(re.compile(r"kept=here.*# "))

    cable.pull()
    for end in ("[data-pane-end]", "[data-terminal-end]"):
        expect(lab.page.locator(f"#pane-ping {end}, #terminal {end}").first).not_to_be_empty()
    cable.plug()

    pane = lab.pane("ping")
    before = sequence_of(pane)[-1]
    expect(pane).to_contain_text(f"icmp_seq={before + 3}")
    assert is_gapless(sequence_of(pane))
    expect(lab.page.locator("#terminal [data-terminal-end]")).to_be_empty()
    lab.type("echo still-$kept")
    expect(screen).to_contain_text("still-here")
    lab.stop("ping")


def test_stop_ends_the_process_in_the_pod(lab, kubectl):
    lab.run("capture", until="listening on eth0")
    assert "tcpdump -l" in kubectl.processes(lab.session_id, "carla")
    lab.stop("capture")
    assert "tcpdump -l" not in kubectl.processes(lab.session_id, "carla")


def test_reset_makes_new_pods_and_keeps_what_was_proven(lab):
    first = lab.session_id
    lab.predict("62")
    assert "pass" in lab.verify()
    proven = [verdict == "pass" for verdict in lab.verdicts()]
    with lab.page.expect_navigation():
        lab.choose("reset")
    lab.expect_ready()
    assert lab.session_id != first
    assert [verdict == "pass" for verdict in lab.verdicts()] == proven
    expect(lab.step("predict-ttl").locator(".committed mark")).to_have_text("62")


def test_more_time_puts_the_end_off(lab):
    end = lab.page.locator("#status time")
    before = end.get_attribute("datetime")
    lab.page.click("#extend")
    expect(end).not_to_have_attribute("datetime", before)
    assert end.get_attribute("datetime") > before


def test_what_the_student_prints_is_no_proof(lab):
    lab.predict("62")
    lab.answer_ttl("62")
    word, port = lab.parameter(r"redes-\w+"), lab.parameter(r"\b9\d{3}\b")
    screen = lab.open_terminal("carla")
    for line in (
        "IP 10.244.1.2 > 10.244.2.2: ICMP echo request, id 7, seq 1, length 64",
        "IP 10.244.2.2 > 10.244.1.2: ICMP echo reply, id 7, seq 1, length 64",
        f"IP 10.244.1.2.40000 > 10.244.2.2.{port}: Flags [S], seq 1, length 0",
        f"IP 10.244.2.2.{port} > 10.244.1.2.40000: Flags [S.], seq 1, ack 2, length 0 {word}",
    ):
        lab.type(f"echo '{line}'")
    expect(screen).to_contain_text(re.compile(rf"length 0\s+{word}"))
    reach, echo_pair, ttl, handshake, nonce = lab.verify()
    assert (echo_pair, ttl, handshake, nonce) == ("fail", "fail", "fail", "fail")
    assert reach == "pass"


def test_language_and_theme_are_remembered(enter):
    person, page = enter("student")
    choose_language(page, "en")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("[data-theme-switch]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    page = person.window()
    page.goto("/account/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("Account")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    choose_language(page, "pt-br")
    page.goto("/account/")
    expect(page.locator("h1")).to_have_text("Conta")


def test_a_teacher_sees_the_last_failing_reason_and_replays_a_run(start_lab, enter):
    _, lab = start_lab()
    lab.run("ping-near", until="4 received")
    lab.verify()
    reason = lab.condition(1).locator(".condition-reason").inner_text()

    _, page = enter("instructor")
    choose_language(page, lab.page.locator("html").get_attribute("lang"))
    page.goto("/classes/")
    page.locator("#main a[href^='/classes/']").first.click()
    page.get_by_role("link", name=re.compile("Por laboratório|By lab")).click()
    page.locator("a[href='?lab=ping-and-netcat']").click()
    row = page.locator("tr", has_text="aluna")
    expect(row).to_contain_text(reason)
    row.get_by_role("rowheader").get_by_role("link").click()
    page.locator("#main a[href^='/runs/']", has_text="ping-near").first.click()
    expect(page.locator(SCREEN)).to_contain_text("4 received")
    page.locator("#replay-speed").select_option("20")
    page.locator("[data-replay-play]").click()
    expect(page.locator("[data-replay-play]")).to_have_text(AGAIN)
    expect(page.locator(SCREEN)).to_contain_text("4 received")


def test_a_replay_jumps_to_what_failed(start_lab):
    _, lab = start_lab()
    lab.open_terminal()
    lab.type("echo be$((0))fore")
    expect(lab.page.locator("#terminal .xterm-rows")).to_contain_text("be0fore")
    assert "fail" in lab.verify()
    lab.type("echo af$((0))ter; exit 3")
    expect(lab.page.locator("#terminal [data-terminal-end]")).not_to_be_empty()

    page = lab.page
    page.goto("/my-labs/")
    page.locator("#main a[href^='/runs/']", has_text="Terminal").first.click()
    screen, jumps = page.locator(SCREEN), page.locator("[data-replay-jump]")
    expect(screen).to_contain_text("af0ter")
    jumps.first.click()
    expect(screen).not_to_contain_text("af0ter")
    expect(screen).to_contain_text("be0fore")
    page.reload()
    expect(page.locator("li.is-here [data-replay-jump]").first).to_be_visible()
    expect(screen).not_to_contain_text("af0ter")

    screen.focus()
    for _ in range(jumps.count()):
        page.keyboard.press("]")
    expect(screen).to_contain_text("af0ter")
    expect(page.locator("li.is-here").last).to_contain_text("3")
    page.keyboard.press("0")
    expect(screen).not_to_contain_text("be0fore")


def test_an_administrator_extends_resets_and_ends_sessions(lab, enter):
    _, page = enter("admin")
    first = lab.page.locator("#status time").get_attribute("datetime")

    def act(name: str) -> None:
        page.goto("/admin/k8s_tasks/labsession/?state__exact=ready")
        page.locator("input.action-select").first.check()
        page.locator("select[name=action]").select_option(name)
        page.locator("button[name=index]").click()
        page.locator("input[name=confirmed]").click()
        expect(page.locator(".messagelist li")).to_contain_text("1 ")

    act("extend")
    expect(lab.page.locator("#status time")).not_to_have_attribute("datetime", first)
    act("reset")
    expect(lab.page.locator("#status")).to_have_attribute("data-state", "ended")
    lab.page.goto(LAB)
    lab.expect_ready()
    act("end")
    expect(lab.page.locator("#status")).to_have_attribute("data-state", "ended")


def test_an_administrator_makes_a_group_and_chooses_what_it_may_do(enter):
    _, page = enter("admin")
    page.goto("/admin/auth/group/add/")
    page.locator("input[name=name]").fill("Helpdesk")
    page.locator("input[name=_continue]").click()
    page.locator("form[action='/admin/auth/group/'] button.act").click()
    page.locator("#id_rights_input").press_sequentially("Reiniciar")
    expect(page.locator("#id_rights_from option")).to_have_count(1)
    page.locator("#id_rights_from option").dblclick()
    page.locator("input[name=confirmed]").click()
    expect(page.locator("#result_list .field-may li")).to_have_count(1)
    page.locator("#result_list tbody th a").click()
    page.locator("a.deletelink").click()
    page.locator("input[type=submit]").click()
    expect(page.locator(".messagelist li")).to_contain_text("Helpdesk")


@pytest.fixture(scope="module")
def tutors(administrator):
    """A group, so that there is one to list."""
    administrator.goto("/admin/auth/group/add/")
    administrator.locator("input[name=name]").fill("Tutors")
    administrator.locator("input[name=_continue]").click()
    address = administrator.url
    yield
    administrator.goto(address)
    administrator.locator("a.deletelink").click()
    administrator.locator("input[type=submit]").click()
    expect(administrator.locator(".messagelist li")).to_contain_text("Tutors")


@pytest.mark.usefixtures("tutors")
@pytest.mark.parametrize(
    "place",
    [
        *("portal/user", "auth/group", "portal/classroom"),
        *("k8s_tasks/cluster", "k8s_tasks/run", "curriculum/lab"),
    ],
)
def test_the_administration_lists(administrator, place):
    administrator.goto(f"/admin/{place}/")
    expect(administrator.locator("#result_list tbody tr").first).to_be_visible()
