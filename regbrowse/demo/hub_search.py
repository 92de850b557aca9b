"""Docker Hub as the demo has it: an index to search in (seed-registry-package.md §12), and a repository for each name.

The names are those of images that exist; what is said of them is made up, and so are the stars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from regbrowse.demo import releases, samples
from regbrowse.demo.layout import Answer, Repository, encode

SEARCH_HOST: Final = "index.docker.io"
SEARCH_PATH: Final = "/v1/search"

_DEFAULT: Final = 25
_MOST: Final = 100

_OFFICIAL: Final = """
    adminer         1290 Manage databases of many kinds in the browser
    alpine         11430 A very small Linux with a package index, in some eight megabytes
    amazoncorretto   620 Long-supported builds of OpenJDK
    busybox         3520 The small Unix tools in one executable
    caddy            980 A web server that fetches its own TLS certificates
    cassandra       1810 A distributed database for rows without number
    debian          5290 The universal operating system, as a base for images
    eclipse-temurin  640 OpenJDK runtimes, tested against the specification
    elasticsearch   6480 Search and analysis of documents, with a REST interface
    fedora          1270 A Linux distribution with what is new
    ghost           1850 Publish a journal on the web
    golang          5120 The Go compiler and its tools, to build services
    haproxy         2010 Balances the load of TCP and HTTP services
    hello-world     2480 Prints a greeting: the smallest check that containers run
    httpd           4930 The Apache HTTP server
    influxdb        2030 A database for measurements over time
    mariadb         6010 A relational database server, made by MySQL's first authors
    memcached       2380 Keeps small values in memory, for many servers at once
    mongo          10620 A database of documents
    mysql          15710 The relational database server that most web applications know
    nats             740 A message server for services, small and quick
    neo4j           1480 A database of graphs
    nextcloud       4580 Files, calendars and contacts on a server of one's own
    nginx          21080 A web server and reverse proxy that takes little memory
    node           14090 A JavaScript runtime for server programs
    php             7960 The language behind many web pages, with or without a web server
    postgres       14920 A relational database with an eye on correctness
    python         10480 The Python interpreter, on several base images
    rabbitmq        5370 A message broker with queues and exchanges
    redis          13560 Data structures in memory, as a cache, a database or a broker
    registry        4190 Stores and serves container images
    ruby            2570 The Ruby interpreter
    rust            1340 The Rust compiler and cargo
    traefik         3590 A reverse proxy that finds its services by itself
    ubuntu         17640 The Linux distribution, as a base for images
    vault           1160 Keeps secrets, and gives them to those who may have them
    wordpress       6080 A content management system for the web
    zookeeper       1560 Coordinates distributed services
"""
_COMMUNITY: Final = """
    bitnami/kafka               870 A log of messages, ready for a cluster
    bitnami/nginx               210 A web server that runs without root
    bitnami/postgresql          260 A relational database server that runs without root
    bitnami/redis               310 A cache in memory that runs without root
    cimg/base                   120 A base image for builds
    fluent/fluent-bit           290 Collects logs, and sends them on
    gitea/gitea                1010 Git repositories with a web interface, from one executable
    grafana/grafana            3210 Dashboards for what is measured
    grafana/loki                190 Stores logs by their labels
    grafana/tempo                80 Stores traces of requests
    hashicorp/consul            420 Tells services where the others are
    hashicorp/terraform         350 Describes infrastructure in files
    jaegertracing/jaeger        180 Follows a request from service to service
    jellyfin/jellyfin          1120 A media server for the home
    jwilder/nginx-proxy        2130 A proxy of nginx before containers that come and go
    minio/minio                1480 Object storage for one's own server
    nginx/nginx-ingress         110 An ingress controller with nginx for clusters
    nginxinc/nginx-unprivileged 190 nginx without root, on a port above a thousand
    portainer/portainer-ce     2490 Manage containers in the browser
    prom/node-exporter          460 Tells how a machine is doing
    prom/prometheus            2070 Measures services over time, and raises alarms
    sonatype/nexus3            1370 A repository server for packages of many kinds
"""
_AUTOMATED: Final = """
    atmoz/sftp           740 A file server over SSH for many users
    fauria/vsftpd        210 An FTP server, if it must be
    linuxserver/nginx    220 nginx with the layout of this group's images
    tutum/hello-world    120 A web page that tells which container serves it
    webdevops/php-nginx  180 PHP and nginx in one image, for development
"""


@dataclass(frozen=True, slots=True)
class _Listed:
    description: str
    stars: int
    official: bool
    automated: bool

    def result(self, name: str) -> Mapping[str, object]:
        return {
            "name": name,
            "description": self.description,
            "star_count": self.stars,
            "is_official": self.official,
            "is_automated": self.automated,
        }


def _read(table: str, *, official: bool = False, automated: bool = False) -> dict[str, _Listed]:
    rows = (line.split(maxsplit=2) for line in table.strip().splitlines())
    return {name: _Listed(description, int(stars), official, automated) for name, stars, description in rows}


_LISTED: Final = {
    **_read(_OFFICIAL, official=True),
    **_read(_COMMUNITY),
    **_read(_AUTOMATED, automated=True),
}


def search(words: str, limit: str) -> Answer:
    """What the index answers.

    Args:
        words: Of its parameter `q`; each must be in the name or in the description.
        limit: Of its parameter `n`; what is no number from 1 to 100 counts as 25.
    """
    wanted = words.lower().split()
    found = [
        listed.result(name)
        for name, listed in sorted(_LISTED.items(), key=lambda entry: -entry[1].stars)
        if all(word in f"{name} {listed.description}".lower() for word in wanted)
    ]
    most = int(limit) if limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _MOST else _DEFAULT
    return Answer(200, encode({"query": words, "num_results": len(found), "results": found[:most]}))


def repository(name: str) -> Repository | None:
    """The repository `name` of Docker Hub, or None if the index does not know it."""
    if name.removeprefix("library/") not in _LISTED:
        return None
    mirrored = f"mirror/{name}"
    return samples.repository(mirrored) or releases.ordinary(mirrored)
