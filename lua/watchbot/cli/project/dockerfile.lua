--- cli.project.dockerfile: the images of a new project.

local watcher = [==[
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates libcurl4 libssl3 libsqlite3-0 \
  && rm -rf /var/lib/apt/lists/*
# The program is one file: cp "$(command -v watchbot)" .
COPY watchbot /usr/local/bin/watchbot
WORKDIR /app
]==]

return {
  path = "Dockerfile",

  process = [==[
# The image of @NAME@: watchbot, the policy and the worker.
#   docker build --tag @NAME@ .

FROM debian:bookworm-slim
]==] .. watcher .. [==[
COPY policy.lua worker ./
CMD ["watchbot", "run", "policy.lua"]
]==],

  task = [==[
# The images of @NAME@: the worker, started for each message, and the watcher, which starts it.
#   docker build --target worker --tag @NAME@ .
#   docker build --target watcher --tag @NAME@-watcher .

FROM debian:bookworm-slim AS worker
WORKDIR /app
COPY worker ./
CMD ["./worker"]

FROM debian:bookworm-slim AS watcher
]==] .. watcher .. [==[
COPY policy.lua ./
CMD ["watchbot", "run", "policy.lua"]
]==],
}
