"""One settings file for every place; what differs comes from the environment (see .env.example)."""

from typing import Any
from urllib.parse import urlsplit

import sentry_sdk
from django.utils.csp import CSP
from django.utils.translation import gettext_lazy as _

from billing_project.environment import BASE_DIR, env, refuse_when_incomplete
from billing_project.logging import configure_logging, scrub_report

DEBUG = env.bool("DEBUG", default=False)
refuse_when_incomplete()

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ENCRYPTION_KEYS = env.list("ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
BASE_URL = env.str("BASE_URL").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[BASE_URL])

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "anymail",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_countries",
    "django_htmx",
    "phonenumber_field",
    "tenants",
    "messaging",
    "customers",
    "payments",
    "subscriptions",
    "propagation",
    "invitations",
    "portal",
    "backoffice",
]

MIDDLEWARE = [
    "billing_project.middleware.HealthCheckMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "billing_project.middleware.RequestLogMiddleware",
    "billing_project.middleware.CookieMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "billing_project.middleware.FormAddressMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.middleware.StaffScopeMiddleware",
]

ROOT_URLCONF = "billing_project.urls"
WSGI_APPLICATION = "billing_project.wsgi.application"
ASGI_APPLICATION = "billing_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "backoffice.context.staff",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "tenants.templatetags.ui"],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# The application's role obeys row-level security; the owner's is for migrations alone.
_pool = env.int("DATABASE_POOL_SIZE", default=0)
_connection = {
    "CONN_HEALTH_CHECKS": not _pool,
    "CONN_MAX_AGE": 0 if _pool else env.int("DATABASE_CONN_MAX_AGE", default=60),
    "DISABLE_SERVER_SIDE_CURSORS": True,
}
DATABASES = {
    "default": env.db_url("DATABASE_URL")
    | _connection
    | {
        "OPTIONS": {"prepare_threshold": None}
        | ({"pool": {"min_size": 1, "max_size": _pool, "timeout": 20}} if _pool else {})
    }
}
if env.str("DATABASE_OWNER_URL", default=""):
    DATABASES["owner"] = env.db_url("DATABASE_OWNER_URL") | {"TEST": {"MIRROR": "default"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_TIME_LIMIT = None
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
#: Messages only wake workers; these sweeps find whatever a lost message left behind.
CELERY_BEAT_SCHEDULE = {
    "carry-out-due-steps": {"task": "propagation.tasks.sweep", "schedule": 5.0, "options": {"expires": 5}},
    "send-due-messages": {"task": "messaging.tasks.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "process-due-events": {"task": "payments.tasks.sweep_events", "schedule": 10.0, "options": {"expires": 10}},
    "settle-card-setups": {"task": "invitations.tasks.sweep_card_setups", "schedule": 60.0, "options": {"expires": 60}},
    "expire-invitations": {"task": "invitations.tasks.sweep_expired", "schedule": 60.0, "options": {"expires": 60}},
    "bill-subscriptions": {"task": "subscriptions.tasks.sweep_billing", "schedule": 30.0, "options": {"expires": 30}},
    "collect-invoices": {"task": "subscriptions.tasks.sweep_collections", "schedule": 10.0, "options": {"expires": 10}},
    "carry-out-refunds": {"task": "subscriptions.tasks.sweep_refunds", "schedule": 30.0, "options": {"expires": 30}},
    "close-months": {"task": "subscriptions.tasks.sweep_months", "schedule": 600.0, "options": {"expires": 600}},
}

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "tenants.accounts.StaffAccountAdapter"
ACCOUNT_FORMS = {
    "login": "tenants.account_forms.LoginForm",
    "reset_password": "tenants.account_forms.ResetPasswordForm",
    "add_email": "tenants.account_forms.AddEmailForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
COUNTRIES_FIRST = ["CA", "US", "FR", "GB"]
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "INTERNATIONAL"

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "media/"
MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / "var" / "media"))
#: A folder with more fonts for invoices, for scripts that the bundled ones lack; the same on every machine.
DOCUMENT_FONTS = env.str("DOCUMENT_FONTS", default="")
STORAGES = {
    "default": {"BACKEND": env.str("STORAGE_BACKEND", default="django.core.files.storage.FileSystemStorage")},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Messages: any provider that Anymail knows, or SMTP; text messages by Twilio's HTTP API or one that speaks it.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MAILERS: dict[str, dict[str, Any]]
if env.str("ANYMAIL_ESP", default=""):
    MAILERS = {"default": {"BACKEND": f"anymail.backends.{env.str('ANYMAIL_ESP')}.EmailBackend"}}
else:
    _smtp = env.email_url("EMAIL_URL")
    MAILERS = {
        "default": {
            "BACKEND": _smtp["EMAIL_BACKEND"],
            "OPTIONS": {
                "host": _smtp["EMAIL_HOST"],
                "port": _smtp["EMAIL_PORT"] or 25,
                "username": _smtp["EMAIL_HOST_USER"] or "",
                "password": _smtp["EMAIL_HOST_PASSWORD"] or "",
                "use_tls": _smtp.get("EMAIL_USE_TLS", False),
                "use_ssl": _smtp.get("EMAIL_USE_SSL", False),
                "timeout": 15,
            },
        }
    }
ANYMAIL = {name.removeprefix("ANYMAIL_"): value for name, value in env.ENVIRON.items() if name.startswith("ANYMAIL_")}
SMS_API_BASE = env.str("SMS_API_BASE", default="https://api.twilio.com").rstrip("/")
SMS_ACCOUNT_SID = env.str("SMS_ACCOUNT_SID", default="")
SMS_AUTH_TOKEN = env.str("SMS_AUTH_TOKEN", default="")
SMS_FROM = env.str("SMS_FROM", default="")

# The gateway. Each tenant has its own keys in the database; these say where the gateway is.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com").rstrip("/")
STRIPE_JS_URL = env.str("STRIPE_JS_URL", default="https://js.stripe.com/v3/")
STRIPE_DASHBOARD_BASE = env.str("STRIPE_DASHBOARD_BASE", default="https://dashboard.stripe.com").rstrip("/")
STRIPE_TIMEOUT_SECONDS = env.float("STRIPE_TIMEOUT_SECONDS", default=20.0)
STRIPE_WEBHOOK_BASE_URL = env.str("STRIPE_WEBHOOK_BASE_URL", default=BASE_URL).rstrip("/")
#: Calls a second to one gateway account, all workers together; a little under what the gateway allows.
GATEWAY_CALLS_PER_SECOND = env.float("GATEWAY_CALLS_PER_SECOND", default=95.0)
#: Against card testing: tries in an hour with one customer's record and from one address; failed tries with one link.
CARD_TRIES_PER_CUSTOMER = env.int("CARD_TRIES_PER_CUSTOMER", default=10)
CARD_TRIES_PER_ADDRESS = env.int("CARD_TRIES_PER_ADDRESS", default=20)
CARD_FAILURES_PER_LINK = env.int("CARD_FAILURES_PER_LINK", default=10)

_stripe_js = urlsplit(STRIPE_JS_URL)
STRIPE_JS_ORIGIN = f"{_stripe_js.scheme}://{_stripe_js.netloc}"
SECURE_CSP: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "frame-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
}
#: The pages that show the gateway's own card fields also need its script, its frames and its API.
PAYMENT_FORM_CSP = SECURE_CSP | {
    "script-src": [*SECURE_CSP["script-src"], STRIPE_JS_ORIGIN],
    "frame-src": [CSP.SELF, STRIPE_JS_ORIGIN, *env.list("STRIPE_FRAME_ORIGINS", default=["https://hooks.stripe.com"])],
    "connect-src": [CSP.SELF, STRIPE_API_BASE, STRIPE_JS_ORIGIN],
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
_https = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = _https and env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31536000) if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if env.bool("BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
#: How many proxies of our own stand in front; the client's address is that many from the right of X-Forwarded-For.
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

LOGGING_CONFIG = None
configure_logging(level=env.str("LOG_LEVEL", default="INFO"), human=env.bool("LOG_HUMAN", default=DEBUG))

if env.str("SENTRY_DSN", default=""):
    # Neither what people typed nor what variables held, and no address that opens doors.
    sentry_sdk.init(
        dsn=env.str("SENTRY_DSN"),
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=scrub_report,
    )
