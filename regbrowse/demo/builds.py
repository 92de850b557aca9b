"""What the sample images are made of: histories as the builders of different years write them down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from regbrowse.demo.recipes import Build, Step

_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _base(created_by: str, megabytes: float = 0) -> Step:
    return Step(created_by, megabytes, of_base=True)


def _old(created_by: str, megabytes: float = 0) -> Step:
    """A step as Docker's first builder writes it."""
    return Step(f"/bin/sh -c {created_by}", megabytes, of_base=True, comment="")


_DEBIAN: Final = Step(
    "# debian.sh --arch 'amd64' out/ 'bookworm' '@1793491200'", 28.1, of_base=True, comment="debuerreotype 0.16"
)
_ALPINE: Final = (
    _base("ADD alpine-minirootfs-3.22.2-x86_64.tar.gz / # buildkit", 3.8),
    _base('CMD ["/bin/sh"]'),
)

PYTHON: Final = Build(
    (
        _DEBIAN,
        _base(f"ENV {_PATH}"),
        _base(
            "RUN /bin/sh -c set -eux; \tapt-get update; \tapt-get install -y --no-install-recommends "
            "\t\tca-certificates \t\tnetbase \t\ttzdata \t; \trm -rf /var/lib/apt/lists/* # buildkit",
            3.5,
        ),
        _base("ENV PYTHON_VERSION=3.13.9"),
        _base(
            'RUN /bin/sh -c set -eux; \t\tsavedAptMark="$(apt-mark showmanual)"; \tapt-get update; '
            "\tapt-get install -y --no-install-recommends \t\tgcc \t\tlibssl-dev \t\tmake \t\twget \t\txz-utils \t; "
            '\t\twget -O python.tar.xz "https://downloads.example.com/Python-$PYTHON_VERSION.tar.xz"; '
            "\ttar --extract --directory /usr/src/python --strip-components=1 --file python.tar.xz; "
            '\t./configure --enable-optimizations --with-lto; \tmake -j "$(nproc)"; \tmake install; '
            "\tapt-mark auto '.*' > /dev/null; \tapt-mark manual $savedAptMark; "
            "\tapt-get purge -y --auto-remove; \trm -rf /var/lib/apt/lists/* # buildkit",
            11.9,
        ),
        Step("WORKDIR /srv/app", 0.0001),
        Step("COPY requirements.txt /srv/app/ # buildkit", 0.0006),
        Step(
            "RUN /bin/sh -c pip install --no-cache-dir --require-hashes --requirement requirements.txt "
            "&& python -m compileall -q /usr/local/lib/python3.13/site-packages # buildkit",
            14.6,
        ),
        Step("COPY --chown=app:app src/ /srv/app/src/ # buildkit", 0.42),
        Step("ENV APP_VERSION=@VERSION@"),
        Step("USER app"),
        Step("EXPOSE map[8080/tcp:{}]"),
        Step(
            'HEALTHCHECK &{["CMD-SHELL" "wget -qO- http://127.0.0.1:8080/healthz || exit 1"] '
            '"30s" "3s" "5s" "0s" \'\\x03\'}'
        ),
        Step('ENTRYPOINT ["python" "-m" "app"]'),
        Step('CMD ["--workers" "4"]'),
    ),
    {
        "User": "app",
        "ExposedPorts": {"8080/tcp": {}},
        "Env": [_PATH, "PYTHON_VERSION=3.13.9", "APP_ENV=production"],
        "Entrypoint": ["python", "-m", "app"],
        "Cmd": ["--workers", "4"],
        "WorkingDir": "/srv/app",
        "Healthcheck": {
            "Test": ["CMD-SHELL", "wget -qO- http://127.0.0.1:8080/healthz || exit 1"],
            "Interval": 30_000_000_000,
            "Timeout": 3_000_000_000,
            "StartPeriod": 5_000_000_000,
            "Retries": 3,
        },
        "Labels": {
            "org.opencontainers.image.title": "app",
            "org.opencontainers.image.source": "https://git.example.com/team/app",
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    },
)

SERVICE: Final = Build(
    (
        _DEBIAN,
        _base(f"ENV {_PATH}"),
        Step("ARG VERSION"),
        Step(
            "RUN |1 VERSION=@VERSION@ /bin/sh -c apt-get update     && apt-get install -y --no-install-recommends "
            "        ca-certificates         curl         tini     && rm -rf /var/lib/apt/lists/* # buildkit",
            7.3,
        ),
        Step(
            "RUN |1 VERSION=@VERSION@ /bin/sh -c groupadd --system --gid 10001 app     "
            "&& useradd --system --uid 10001 --gid app --no-create-home app # buildkit",
            0.0041,
        ),
        Step(
            "RUN |1 VERSION=@VERSION@ /bin/sh -c set -eu\ninstall -d -o app -g app /var/lib/app\n"
            "cat > /etc/app.conf <<CONF\nlisten  = :8080\nversion = ${VERSION}\nCONF\n # buildkit",
            0.0007,
        ),
        Step("COPY --link --chmod=755 /out/service /usr/local/bin/service # buildkit", 12.7),
        Step("COPY migrations/ /usr/share/service/migrations/ # buildkit", 0.061),
        Step("LABEL org.opencontainers.image.source=https://git.example.com/team/service"),
        Step("USER 10001:10001"),
        Step("VOLUME [/var/lib/app]"),
        Step("EXPOSE map[8080/tcp:{} 9090/tcp:{}]"),
        Step("STOPSIGNAL SIGQUIT"),
        Step('ENTRYPOINT ["tini" "--" "service"]'),
        Step('CMD ["serve"]'),
    ),
    {
        "User": "10001:10001",
        "ExposedPorts": {"8080/tcp": {}, "9090/tcp": {}},
        "Env": [_PATH, "APP=demo"],
        "Entrypoint": ["tini", "--", "service"],
        "Cmd": ["serve"],
        "Volumes": {"/var/lib/app": {}},
        "StopSignal": "SIGQUIT",
        "Labels": {
            "org.opencontainers.image.title": "service",
            "org.opencontainers.image.description": "Answers requests, one after the other.",
            "org.opencontainers.image.source": "https://git.example.com/team/service",
        },
    },
)

GO: Final = Build(
    (
        Step("COPY /rootfs / # buildkit", 0.82, of_base=True),
        Step("COPY /out/app /app # buildkit", 9.4),
        Step("USER 65532:65532"),
        Step('ENTRYPOINT ["/app"]'),
    ),
    {"User": "65532:65532", "Env": [_PATH, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"], "Entrypoint": ["/app"]},
)

NODE: Final = Build(
    (
        *_ALPINE,
        _base("ENV NODE_VERSION=22.21.1"),
        _base(
            "RUN /bin/sh -c addgroup -g 1000 node     && adduser -u 1000 -G node -s /bin/sh -D node     "
            "&& apk add --no-cache         libstdc++     && apk add --no-cache --virtual .build-deps         curl     "
            '&& curl -fsSLO --compressed "https://downloads.example.com/'
            'node-v$NODE_VERSION-linux-x64-musl.tar.xz"     '
            "&& tar -xJf node-v*.tar.xz -C /usr/local --strip-components=1 "
            "--no-same-owner     && apk del .build-deps     && node --version     && npm --version # buildkit",
            49.7,
        ),
        Step("WORKDIR /app", 0.0001),
        Step("COPY package.json package-lock.json ./ # buildkit", 0.094),
        Step("RUN /bin/sh -c npm ci --omit=dev && npm cache clean --force # buildkit", 21.3),
        Step("COPY dist ./dist # buildkit", 1.7),
        Step("ENV NODE_ENV=production"),
        Step("USER node"),
        Step('CMD ["node" "dist/server.js"]'),
    ),
    {
        "User": "node",
        "Env": [_PATH, "NODE_VERSION=22.21.1", "NODE_ENV=production"],
        "Cmd": ["node", "dist/server.js"],
        "WorkingDir": "/app",
    },
)

JAVA: Final = Build(
    (
        _DEBIAN,
        _base("ENV JAVA_HOME=/opt/java/openjdk"),
        _base("COPY /opt/java/openjdk /opt/java/openjdk # buildkit", 52.4),
        Step("COPY dependencies/ ./ # buildkit", 61.8),
        Step("COPY spring-boot-loader/ ./ # buildkit", 0.24),
        Step("COPY application/ ./ # buildkit", 1.1),
        Step('ENTRYPOINT ["java" "-XX:MaxRAMPercentage=75" "org.springframework.boot.loader.launch.JarLauncher"]'),
    ),
    {
        "Env": [f"{_PATH}:/opt/java/openjdk/bin", "JAVA_HOME=/opt/java/openjdk"],
        "Entrypoint": ["java", "-XX:MaxRAMPercentage=75", "org.springframework.boot.loader.launch.JarLauncher"],
        "WorkingDir": "/application",
    },
)

OLD_NGINX: Final = Build(
    (
        _old("#(nop) ADD file:a6b3c1e0f2d84957bb31aa0f7e4d3a94c5b8d1f6e2073c9a4b5d6e7f80912a3b in / ", 22.5),
        _old('#(nop)  CMD ["bash"]'),
        _old("#(nop)  LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>"),
        _old("#(nop)  ENV NGINX_VERSION=1.17.9"),
        _old(
            "set -x     && addgroup --system --gid 101 nginx     && adduser --system --disabled-login --ingroup nginx "
            '--no-create-home --home /nonexistent --gecos "nginx user" --shell /bin/false --uid 101 nginx     '
            "&& apt-get update     && apt-get install --no-install-recommends --no-install-suggests -y "
            "gnupg1 ca-certificates     "
            "&& apt-get install --no-install-recommends --no-install-suggests -y nginx=${NGINX_VERSION}     "
            "&& apt-get remove --purge --auto-remove -y && rm -rf /var/lib/apt/lists/*",
            28.3,
        ),
        _old("ln -sf /dev/stdout /var/log/nginx/access.log     && ln -sf /dev/stderr /var/log/nginx/error.log", 0.0002),
        _old("#(nop)  EXPOSE 80"),
        _old("#(nop)  STOPSIGNAL SIGTERM"),
        _old('#(nop)  CMD ["nginx" "-g" "daemon off;"]'),
    ),
    {
        "ExposedPorts": {"80/tcp": {}},
        "Env": [_PATH, "NGINX_VERSION=1.17.9"],
        "Cmd": ["nginx", "-g", "daemon off;"],
        "StopSignal": "SIGTERM",
        "Labels": {"maintainer": "NGINX Docker Maintainers <docker-maint@nginx.com>"},
    },
)

NGINX: Final = Build(
    (
        _DEBIAN,
        _base("LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>"),
        _base("ENV NGINX_VERSION=@VERSION@"),
        _base(
            "RUN /bin/sh -c set -x     && groupadd --system --gid 101 nginx     "
            "&& useradd --system --gid nginx --no-create-home "
            '--home /nonexistent --comment "nginx user" --shell /bin/false --uid 101 nginx     && apt-get update     '
            "&& apt-get install --no-install-recommends --no-install-suggests -y "
            "gnupg1 ca-certificates     "
            "&& apt-get install --no-install-recommends --no-install-suggests -y "
            "nginx=${NGINX_VERSION} gettext-base curl     "
            "&& apt-get remove --purge --auto-remove -y && rm -rf /var/lib/apt/lists/* # buildkit",
            43.9,
        ),
        Step("COPY docker-entrypoint.sh / # buildkit", 0.0006),
        Step("COPY 10-listen-on-ipv6-by-default.sh /docker-entrypoint.d # buildkit", 0.001),
        Step("COPY 20-envsubst-on-templates.sh /docker-entrypoint.d # buildkit", 0.0012),
        Step('ENTRYPOINT ["/docker-entrypoint.sh"]'),
        Step("EXPOSE map[80/tcp:{}]"),
        Step("STOPSIGNAL SIGQUIT"),
        Step('CMD ["nginx" "-g" "daemon off;"]'),
    ),
    {
        "ExposedPorts": {"80/tcp": {}},
        "Env": [_PATH],
        "Entrypoint": ["/docker-entrypoint.sh"],
        "Cmd": ["nginx", "-g", "daemon off;"],
        "StopSignal": "SIGQUIT",
        "Labels": {"maintainer": "NGINX Docker Maintainers <docker-maint@nginx.com>"},
    },
)

POSTGRES: Final = Build(
    (
        _DEBIAN,
        _base("ENV LANG=en_US.utf8"),
        _base(
            "RUN /bin/sh -c set -ex; \tgroupadd -r postgres --gid=999; \tuseradd -r -g postgres --uid=999 "
            "--home-dir=/var/lib/postgresql --shell=/bin/bash postgres; "
            "\tinstall --verbose --directory --owner postgres --group postgres "
            "--mode 1777 /var/lib/postgresql # buildkit",
            1.2,
        ),
        _base(
            "RUN /bin/sh -c set -ex; \tapt-get update; \tapt-get install -y --no-install-recommends "
            '"postgresql-$PG_MAJOR" '
            "\t; \trm -rf /var/lib/apt/lists/* # buildkit",
            112.6,
        ),
        Step("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit", 0.0052),
        Step("VOLUME [/var/lib/postgresql/data]"),
        Step('ENTRYPOINT ["docker-entrypoint.sh"]'),
        Step("STOPSIGNAL SIGINT"),
        Step("EXPOSE map[5432/tcp:{}]"),
        Step('CMD ["postgres"]'),
    ),
    {
        "ExposedPorts": {"5432/tcp": {}},
        "Env": [_PATH, "LANG=en_US.utf8", "PGDATA=/var/lib/postgresql/data"],
        "Entrypoint": ["docker-entrypoint.sh"],
        "Cmd": ["postgres"],
        "Volumes": {"/var/lib/postgresql/data": {}},
        "StopSignal": "SIGINT",
    },
)

ALPINE: Final = Build(_ALPINE, {"Env": [_PATH], "Cmd": ["/bin/sh"], "WorkingDir": "/"})

APPLICATIONS: Final = (PYTHON, GO, NODE, JAVA)
"""Of which the many repositories are made that stand for nothing in particular."""

MIRRORED: Final[Mapping[str, Build]] = {
    "nginx": NGINX,
    "postgres": POSTGRES,
    "alpine": ALPINE,
    "node": NODE,
    "python": PYTHON,
}
"""What some of the mirrored images are made of; the others are like `ALPINE`."""
