"""Every door asks for a login unless it says `login_not_required`."""

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.utils.cache import patch_cache_control
from django_htmx.http import HttpResponseClientRedirect


class LoginRequired(LoginRequiredMiddleware):
    """As Django's, but the way back after the login is always a page: a fragment leads to the page
    that asked for it, and a form that was posted leads home (its address answers no GET)."""

    def handle_no_permission(self, request, view_func):
        if request.htmx:
            page = request.htmx.current_url_abs_path or "/"
            return HttpResponseClientRedirect(redirect_to_login(page).url)
        if request.method not in ("GET", "HEAD"):
            return redirect_to_login("/")
        return super().handle_no_permission(request, view_func)

    def process_response(self, request, response):
        """Classrooms share machines: after a logout the Back button must show nothing."""
        if request.user.is_authenticated:
            patch_cache_control(response, private=True, no_store=True)
        return response
