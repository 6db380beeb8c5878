"""Filters of the portal's templates."""

from django import template

from portal.language import spoken as in_page_language

register = template.Library()


@register.filter
def spoken(words):
    """`{{ result.reason|spoken }}`: a reason stored in both languages, in the page's. It is escaped."""
    return in_page_language(words)
