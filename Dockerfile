# Build: docker build -t messenger .      Run: docker run -p 8000:8000 -v messenger:/data --read-only --tmpfs /tmp messenger
FROM node:24-bookworm-slim AS pages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json vite.config.ts ./
COPY static/ts static/ts
RUN node_modules/.bin/vite build

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY bin/uv.txt requirements.txt ./
RUN python -m venv /app/.venv \
 && /app/.venv/bin/pip install --no-cache-dir --require-hashes -r uv.txt \
 && /app/.venv/bin/uv pip install --no-cache --compile-bytecode --python /app/.venv/bin/python --require-hashes -r requirements.txt \
 && /app/.venv/bin/pip uninstall --yes uv pip

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data messenger && install -d -o messenger /data
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY manage.py ./
COPY messenger messenger
COPY accounts accounts
COPY keys keys
COPY chats chats
COPY files files
COPY templates templates
COPY static/css static/css
COPY static/images static/images
COPY --from=pages /app/build/js build/js
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data HOST=0.0.0.0 PORT=8000
USER messenger
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["sh", "-c", "python manage.py migrate --verbosity 0 && python manage.py collectstatic --noinput --verbosity 0 && exec python manage.py serve"]
