"""An inbox for everything that the product sends: e-mail by SMTP, SMS by Twilio's HTTP API."""
