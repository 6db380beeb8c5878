"""The roster of a course, asked of the platform."""

from django.utils import timezone

from portal.lti.models import LtiIdentity
from portal.lti.people import import_roster
from portal.models import User
from tests.portal.lti.lms import Browser, fields_of, log_in, person


def test_the_roster_makes_accounts_and_seats_them(lms, bound):
    rita = Browser(lms, "u-rita")
    rita.launch()

    page = rita.pages.get(f"/classes/{bound.classroom_id}/lms/")
    token = fields_of(page.text)["csrfmiddlewaretoken"]
    done = rita.pages.post(
        f"/classes/{bound.classroom_id}/lms/{bound.pk}/roster/", data={"csrfmiddlewaretoken": token}
    )

    assert done.status_code == 302
    assert lms.asked.count("GET /members") == 2  # both pages
    names = sorted(each.first_name for each in bound.classroom.students.all())
    assert names == ["Ana", "Davi"]
    assert not LtiIdentity.objects.filter(subject="u-gone").exists()
    assert LtiIdentity.objects.get(subject="u-davi").confirmed_at is None


def test_an_imported_person_may_still_link_the_account_they_have(lms, bound, world):
    import_roster(bound, [{"user_id": "u-davi", "given_name": "Davi", "roles": ["Learner"]}])
    imported = person("u-davi")
    davi = Browser(lms, "u-davi")
    log_in(davi, world.bob)

    davi.press(davi.launch().headers["location"], account="link")

    assert person("u-davi") == world.bob
    assert not User.objects.filter(pk=imported.pk).exists()
    assert bound.classroom.students.filter(pk=world.bob.pk).exists()


def test_a_linked_account_is_put_into_no_class_behind_its_owners_back(lms, bound, world):
    LtiIdentity.objects.create(
        platform=bound.platform, subject="u-davi", user=world.bob, is_linked=True, confirmed_at=timezone.now()
    )
    import_roster(bound, [{"user_id": "u-davi", "roles": ["Learner"]}])

    assert not bound.classroom.students.filter(pk=world.bob.pk).exists()


def test_a_roster_that_does_not_come_changes_nothing(lms, bound, world, visit):
    lms.broken = True
    before = bound.classroom.students.count()
    bound.classroom.instructors.add(world.paula)

    response = visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/roster/", follow=True)

    assert "HTTP 503" in response.content.decode()
    assert bound.classroom.students.count() == before
