"""Uploaded files, such as tenants' logos, wherever Django's storage keeps them."""

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe


@require_safe
def uploaded_file(request: HttpRequest, path: str) -> FileResponse:
    """The file that an upload's `url` leads to; 404 when there is none. Names change with content, so it is cached."""
    try:
        if not default_storage.exists(path):
            raise Http404(_("There is no such file."))
        response = FileResponse(default_storage.open(path))
    except (SuspiciousFileOperation, IsADirectoryError) as error:
        raise Http404(_("There is no such file.")) from error
    response["Cache-Control"] = "public, max-age=86400"
    return response
