"""What is typed beside the gateway's fields."""

from payments.forms import HolderForm


def test_a_holders_name_is_one_line() -> None:
    form = HolderForm({"holder_name": " Bob\r\nBcc: eve@evil.example\u2028\u202b Tremblay 🎈 "})
    assert form.is_valid()
    assert form.cleaned_data["holder_name"] == "Bob Bcc: eve@evil.example \u202b Tremblay 🎈"


def test_a_holders_name_is_not_only_breaks() -> None:
    assert set(HolderForm({"holder_name": "\x1b\u2028"}).errors) == {"holder_name"}
