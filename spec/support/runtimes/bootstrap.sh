#!/bin/bash
# AWS's tutorial for a custom runtime: curl, a new connection for each request.
# https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html
set -euo pipefail
API=http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation
while true; do
  HEADERS="$(mktemp)"
  EVENT_DATA=$(curl -sS -LD "$HEADERS" "$API/next")
  REQUEST_ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
  rm -f "$HEADERS"
  RESPONSE="Echoing request: '${#EVENT_DATA}'"
  curl -sS "$API/$REQUEST_ID/response" -d "$RESPONSE" >/dev/null
done
