"""Every page of the portal. Who may enter is said in the views, and in `portal.doors` for the login."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import path

from portal import (
    accounts,
    chapters,
    class_settings,
    classes,
    editing,
    health,
    labs,
    language,
    runs,
    sessions,
    steps,
)

urlpatterns = [
    path("", chapters.home, name="home"),
    path("chapters/<slug:slug>/", chapters.chapter, name="chapter"),
    path("labs/<slug:slug>/", labs.lab, name="lab"),
    path("labs/<slug:slug>/start/", labs.start, name="lab-start"),
    path("sessions/<uuid:session_id>/status/", sessions.status, name="session-status"),
    path("sessions/<uuid:session_id>/verdicts/", sessions.verdicts, name="session-verdicts"),
    path("sessions/<uuid:session_id>/topology/", sessions.topology, name="session-topology"),
    path("sessions/<uuid:session_id>/extend/", sessions.extend, name="session-extend"),
    path("sessions/<uuid:session_id>/reset/", sessions.reset, name="session-reset"),
    path("sessions/<uuid:session_id>/end/", sessions.end, name="session-end"),
    path("sessions/<uuid:session_id>/verify/", sessions.verify, name="session-verify"),
    path("sessions/<uuid:session_id>/steps/<slug:step>/", steps.show, name="session-step"),
    path("sessions/<uuid:session_id>/steps/<slug:step>/run/", steps.run, name="step-run"),
    path("sessions/<uuid:session_id>/steps/<slug:step>/answer/", steps.answer, name="step-answer"),
    path("sessions/<uuid:session_id>/steps/<slug:step>/edit/", editing.edit, name="step-edit"),
    path("sessions/<uuid:session_id>/steps/<slug:step>/hints/", editing.hints, name="step-hints"),
    path("sessions/<uuid:session_id>/terminals/", steps.open_terminal, name="terminal-open"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("runs/<uuid:run_id>/cast/", runs.cast, name="run-cast"),
    path("runs/<uuid:run_id>/cancel/", runs.cancel, name="run-cancel"),
    path("classes/", classes.classes, name="classes"),
    path("classes/create/", class_settings.create, name="class-create"),
    path("classes/<int:class_id>/", classes.grid, name="class"),
    path("classes/<int:class_id>/settings/", class_settings.settings, name="class-settings"),
    path("classes/<int:class_id>/archive/", class_settings.archive, name="class-archive"),
    path("classes/<int:class_id>/code/", class_settings.renew_code, name="class-code"),
    path("classes/<int:class_id>/students/<int:student_id>/", classes.student, name="class-student"),
    path(
        "classes/<int:class_id>/students/<int:student_id>/remove/",
        class_settings.remove_student,
        name="class-remove",
    ),
    path("my-labs/", classes.my_work, name="my-work"),
    path("attempts/<uuid:attempt_id>/evidence/", runs.evidence, name="attempt-evidence"),
    path("join/<slug:code>/", classes.join, name="join"),
    path("login/", accounts.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("account/", accounts.account, name="account"),
    path("account/password/", accounts.ChangePassword.as_view(), name="change-password"),
    path("language/", language.set_language, name="set-language"),
    path("healthz", health.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]
