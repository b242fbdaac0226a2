# The product as one image: web, worker, beat and migrate differ only in their command.
# `--target demo` adds the sandbox and what the demo needs.
FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/venv
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev

FROM build AS build-demo
RUN uv sync --frozen

FROM python:3.13-slim AS base
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=billing_project.settings
RUN useradd --system --uid 10001 --create-home billing && install -d -o billing /data /data/media
WORKDIR /app
COPY . .

FROM base AS demo
COPY --from=build-demo /opt/venv /opt/venv
USER billing
CMD ["python", "-m", "sandbox", "--host", "0.0.0.0", "--port", "8001", "--data", "/data/sandbox"]

FROM base AS product
COPY --from=build /opt/venv /opt/venv
# Collecting static files starts the settings, which refuse to start incomplete; none of these values stays.
RUN SECRET_KEY=build ENCRYPTION_KEYS=build DATABASE_URL=postgres://build@127.0.0.1:1/build \
    REDIS_URL=redis://127.0.0.1:1/0 BASE_URL=https://build.invalid ALLOWED_HOSTS=build.invalid \
    DEFAULT_FROM_EMAIL=build@example.com EMAIL_URL=smtp://127.0.0.1:1 \
    python manage.py collectstatic --noinput --verbosity=0
USER billing
EXPOSE 8000
CMD ["gunicorn", "billing_project.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
