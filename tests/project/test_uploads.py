from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client


@pytest.fixture(autouse=True)
def own_media_folder(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path / "media")
    (tmp_path / "secret.txt").write_text("not for anybody")


def test_serves_what_was_uploaded(client: Client) -> None:
    name = default_storage.save("logos/acme.png", ContentFile(b"\x89PNG"))
    response = client.get(default_storage.url(name))
    assert response.getvalue() == b"\x89PNG"
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["logos/none.png", "logos", "../secret.txt", "%2e%2e/secret.txt", "/etc/passwd"])
def test_serves_nothing_else(client: Client, path: str) -> None:
    default_storage.save("logos/acme.png", ContentFile(b"\x89PNG"))
    assert client.get(f"/media/{path}").status_code in {400, 404}
