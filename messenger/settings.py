"""Settings, all read from the environment. With nothing set: SQLite, one process, everything under DATA_DIR."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

from messenger.lib.env import env, secret
from messenger.pages import headers

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret("SECRET_KEY", DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(48).encode()).decode().strip()
_NAME = f"[{HOST}]" if ":" in HOST else HOST  # an IPv6 address, as browsers write it
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_NAME, "127.0.0.1", "localhost", "[::1]"])
# Set to the header of a proxy that terminates TLS and strips the header from its clients' requests.
if env.bool("TRUST_X_FORWARDED_PROTO", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS = env.bool("HTTPS", default=False)

INSTALLED_APPS = [
    # Makes runserver Daphne's, and has to stand before staticfiles. It costs half a second of every other start.
    # Before it, what leaves files to WhiteNoise there too: without its headers no Worker may start.
    *(["whitenoise.runserver_nostatic", "daphne"] if DEBUG else []),
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "csp",
    "messenger.pages",
    "accounts",
    "keys",
    "chats",
]
MIDDLEWARE = [
    # Outside of everything that can refuse a request: a refusal has its headers too.
    "messenger.pages.headers.Isolation",
    "messenger.pages.headers.Policy",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "messenger.health.Probes",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "messenger.urls"
ASGI_APPLICATION = "messenger.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "messenger.pages.theme.context",
            ],
        },
    },
]

# --- storage ---
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'messenger.sqlite3'}")}
SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
DATABASES["default"].setdefault("OPTIONS", {})
if SQLITE:
    DATABASES["default"]["OPTIONS"] |= {
        # Writers take the lock at once: a read that later turns into a write cannot wait and fails instead.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: an accepted message survives the loss of power, not only of the process. What is deleted is
        # overwritten: a ciphertext that was acknowledged is not to be found in the file.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
        " PRAGMA secure_delete=ON;",
    }
    # Tests run on a file too: the in-memory database that Django would take has no WAL, and the writer's own
    # connections could not share it.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / f"test-{os.getpid()}.sqlite3")}
else:
    # PgBouncer in transaction mode cannot keep a cursor between statements.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = env.bool("PGBOUNCER", default=False)
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=8)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
SILENCED_SYSTEM_CHECKS: list[str] = []
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            # Pub/sub: the core layer drops silently past its capacity, and its idle sockets die with redis-py 8.
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            # A form that waits for a Redis that says nothing would keep its thread, and the process from ending.
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    # one process: its memory is shared
    SILENCED_SYSTEM_CHECKS += ["django_ratelimit.E003", "django_ratelimit.W001"]

# --- accounts ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "chats-page"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="messenger@localhost")

JWT_PRIVATE_KEY_FILE = Path(env.str("JWT_PRIVATE_KEY_FILE", default=str(DATA_DIR / "jwt_private_key.pem")))
FRANKING_KEY_FILE = Path(env.str("FRANKING_KEY_FILE", default=str(DATA_DIR / "franking_key")))
ACCESS_TOKEN_LIFETIME = timedelta(minutes=15)
SESSION_LIFETIME = timedelta(days=90)  # of a token family that nobody refreshes
JWT_ISSUER = env.str("JWT_ISSUER", default="messenger")
JWT_AUDIENCE = env.str("JWT_AUDIENCE", default="messenger-api")
PASSWORD_HASHERS = ["accounts.hashers.CappedArgon2Hasher"]
PASSWORD_HASHES_AT_ONCE = env.int("PASSWORD_HASHES_AT_ONCE", default=4)  # 19 MiB and a core's 25 ms each
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.NewPasswordForm",
    "add_email": "accounts.forms.ChangeEmailForm",
    "reauthenticate": "accounts.forms.ConfirmPasswordForm",
}
ACCOUNT_EMAIL_VERIFICATION = env.str("ACCOUNT_EMAIL_VERIFICATION", default="optional")  # or: mandatory, none
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_CHANGE_EMAIL = True  # one address an account: a new one replaces it once it is verified
ACCOUNT_MAX_EMAIL_ADDRESSES = 2
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
ACCOUNT_RATE_LIMITS = False  # ours hold for pages and API alike (messenger/lib/limits.py)
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)  # seconds

# --- limits: an amount and a time, as in 30/hour, or none ---
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # that append to X-Forwarded-For; 0: it means nothing
LIMITS = {
    "user": env.str("LIMIT_USER", default="600/minute"),
    "address": env.str("LIMIT_ADDRESS", default="1200/minute"),
    "sign_up": env.str("LIMIT_SIGN_UP", default="30/hour"),  # an address
    "username_check": env.str("LIMIT_USERNAME_CHECK", default="120/hour"),  # while a name is typed, from an address
    "wrong_credentials": env.str("LIMIT_WRONG_CREDENTIALS", default="10/hour"),  # an account and address
    "wrong_credentials_account": env.str("LIMIT_WRONG_CREDENTIALS_ACCOUNT", default="100/hour"),
    "wrong_credentials_delay": env.str("LIMIT_WRONG_CREDENTIALS_DELAY", default="1 per 30 seconds"),  # past those 100
    "form": env.str("LIMIT_FORM", default="60/minute"),  # sign-in and password pages sent from an address
    "mail": env.str("LIMIT_MAIL", default="5/hour"),  # to one e-mail address
    "directory": env.str("LIMIT_DIRECTORY", default="20/minute"),  # readings of the key directory by an account
    "link": env.str("LIMIT_LINK", default="60/hour"),  # offers to devices that are to be linked, by an account
    "suspend": env.str("LIMIT_SUSPEND", default="60/hour"),  # of an account's own devices
    "identity": env.str("LIMIT_IDENTITY", default="5/day"),  # new account keys of an account
    "group": env.str("LIMIT_GROUP", default="60/hour"),  # group chats that an account makes
    "group_operation": env.str("LIMIT_GROUP_OPERATION", default="120/minute"),  # of an account: none is forgotten
    "open_chat": env.str("LIMIT_OPEN_CHAT", default="60/hour"),  # open chats that an account makes
    "open_change": env.str("LIMIT_OPEN_CHANGE", default="120/minute"),  # changes of members and titles by an account
    "open_search": env.str("LIMIT_OPEN_SEARCH", default="60/minute"),  # searches in open chats by an account
    "search": env.str("LIMIT_SEARCH", default="60/minute"),  # searches for people by an account
}

# --- API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "messenger.lib.problem.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["messenger.lib.strict_json.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsDevice"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_CLASSES": ["messenger.lib.throttling.GeneralThrottle"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Messenger",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",  # the frames' schemas use patternProperties, which 3.0 does not know
    "SCHEMA_PATH_PREFIX": "/api/v1",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- pages ---
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
VITE_MANIFEST = BASE_DIR / "build" / "js" / ".vite" / "manifest.json"
STATICFILES_DIRS = [
    ("css", BASE_DIR / "static" / "css"),
    ("images", BASE_DIR / "static" / "images"),
    ("js", BASE_DIR / "build" / "js"),
]
SILENCED_SYSTEM_CHECKS += ["staticfiles.W004"]  # pages.E001 says it once, and what to do
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "messenger.pages.storage.PageFilesStorage"},
}
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = headers.of_file
# What has a hash in its name: Vite's files and Django's.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/(js/assets/.+-[\w-]{8}|.+\.[0-9a-f]{12})\.\w+$"
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

SESSION_COOKIE_AGE = 30 * 24 * 3600  # since the chats were opened last
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz)$"]  # probes ask this process itself, by its address, without TLS
if HTTPS:
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_CONTENT_TYPE_NOSNIFF = True
# Not no-referrer: under it browsers send our own forms with `Origin: null`, which the CSRF check has to refuse.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "worker-src": ["'self'"],
        "manifest-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["default", "lit-html"],
    }
}

# How often one device may claim prekeys of another one.
CLAIM_BURST = env.int("CLAIM_BURST", default=6)  # at once
CLAIM_SECONDS = env.int("CLAIM_SECONDS", default=600)  # and then one in as many seconds

# --- delivery ---
SEND_BURST = env.int("SEND_BURST", default=120)  # frames that a device may send at once
SEND_RATE = env.float("SEND_RATE", default=20.0)  # frames a second after that
SOCKETS_PER_MINUTE = env.int("SOCKETS_PER_MINUTE", default=120)  # that a device may open
POLL_SECONDS = env.float("POLL_SECONDS", default=5.0)  # how late a message is whose nudge was lost
RETENTION_DAYS = env.int("RETENTION_DAYS", default=30)  # of envelopes that nobody fetches, and of message metadata
WEB_PROCESSES = env.int("WEB_PROCESSES", default=1)  # how many processes serve; more than one needs REDIS_URL
DRAIN_SECONDS = env.float("DRAIN_SECONDS", default=1.0)  # that sockets get to leave by themselves on SIGTERM
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # opens GET /metrics, which is not there without it

# --- logs: event names, ids and counts; never bodies, names, addresses or tokens ---
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"failures_only": {"()": "messenger.lib.logs.FailuresOnly"}},
    "formatters": {
        "private": {
            "()": "messenger.lib.logs.PrivateFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "private"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Without Django's own handlers, which print to the terminal under DEBUG and write mails.
        "django": {"handlers": [], "propagate": True},
        "django.request": {"filters": ["failures_only"]},
        "django.security": {"level": "CRITICAL"},
        # The development servers name the address and path of every request.
        "django.server": {"level": "CRITICAL"},
        "django.channels.server": {"level": "CRITICAL"},
    },
}
