"""The names of the repositories that fill the sample registry."""

from __future__ import annotations

from typing import Final

_TEAMS: Final = """
    accounts billing booking catalog checkout delivery discovery finance fraud growth identity insights inventory
    loyalty marketing media messaging mobile onboarding orders partners payments pricing search shipping support
    web
"""
_PARTS: Final = """
    admin api backoffice batch cache cli consumer cron docs e2e exporter frontend gateway migrations proxy
    scheduler static worker
"""
_PLATFORM: Final = """
    admission-webhook alertmanager audit-log autoscaler backup base/debian base/distroless base/java base/node
    base/python build-tools/go build-tools/java build-tools/node cert-manager chaos cluster-agent config-sync
    coredns cost-report csi-driver dashboards dns-updater event-router external-secrets feature-flags git-sync
    grafana image-scanner ingress-nginx kube-state-metrics log-shipper loki mail-relay metrics-server
    network-policy node-exporter node-problem-detector oauth2-proxy opa-gatekeeper otel-collector policy-bot
    prometheus quota-reporter release-bot runner/amd64 runner/arm64 secrets-store service-mesh
    service-mesh/sidecar sso status-page synthetic-checks terraform-runner trace-store vault-agent velero
    version-reporter vpn zone-controller
"""
_DATA: Final = """
    airflow airflow/scheduler airflow/worker anonymizer backfill catalog-sync cdc-connector clickhouse dbt druid
    etl/accounts etl/billing etl/orders etl/shipping etl/web-events experiments feature-store flink/jobmanager
    flink/taskmanager forecasting jupyter kafka kafka-connect ksql lakehouse lineage ml/embeddings ml/ranking
    ml/serving ml/training notebook-server presto quality-checks schema-registry spark spark-history superset
    warehouse-loader zookeeper
"""
_MIRRORED: Final = """
    bitnami/kafka bitnami/postgresql bitnami/redis fluent/fluent-bit grafana/grafana grafana/loki grafana/tempo
    hashicorp/consul hashicorp/vault jaegertracing/jaeger library/adminer library/alpine library/amazoncorretto
    library/busybox library/caddy library/debian library/elasticsearch library/golang library/haproxy
    library/httpd library/mariadb library/memcached library/mongo library/mysql library/nats library/node
    library/openjdk library/postgres library/python library/rabbitmq library/redis library/registry library/ruby
    library/rust library/traefik library/ubuntu library/vault minio/mc minio/minio prom/node-exporter
    prom/prometheus
"""

ORDINARY: Final = (
    *(f"{team}/{part}" for team in _TEAMS.split() for part in _PARTS.split()),
    *(f"platform/{name}" for name in _PLATFORM.split()),
    *(f"data/{name}" for name in _DATA.split()),
    *(f"mirror/{name}" for name in _MIRRORED.split()),
)
"""All but those that `samples` makes one by one."""
