--- cli.project.dockerfile: the images of a new project. watchbot comes from its own image, which is
-- one static program: any image can take it over, whatever its C library is.

local function image(build)
  return [==[
# `watchbot:@VERSION@` is watchbot's image, which a release has. To have it where images are built:
#   skopeo copy oci-archive:watchbot-@VERSION@-oci.tar.gz:@VERSION@ docker-daemon:watchbot:@VERSION@
]==] .. build .. [==[

ARG WATCHBOT=watchbot:@VERSION@
FROM ${WATCHBOT} AS watchbot

]==]
end

return {
  path = "Dockerfile",

  --- The lines that every project's file begins with: `image(BUILD)`, BUILD being comments.
  image = image,

  process = "# The image of @NAME@: watchbot, the policy and the worker.\n" .. image [==[
# Then:
#   docker build --tag @NAME@ .
]==] .. [==[
FROM debian:bookworm-slim
COPY --from=watchbot /usr/bin/watchbot /usr/bin/watchbot-log /usr/local/bin/
WORKDIR /app
COPY policy.lua worker ./
CMD ["watchbot", "run", "policy.lua"]
]==],

  task = "# The images of @NAME@: the worker, started for each message, and the watcher, which "
    .. "starts it.\n" .. image [==[
# Then:
#   docker build --target worker --tag @NAME@ .
#   docker build --target watcher --tag @NAME@-watcher .
]==] .. [==[
FROM debian:bookworm-slim AS worker
COPY --from=watchbot /usr/bin/watchbot-log /usr/local/bin/
WORKDIR /app
COPY worker ./
CMD ["./worker"]

# It has no shell, and needs none to start ECS tasks.
FROM watchbot AS watcher
WORKDIR /app
COPY policy.lua ./
CMD ["watchbot", "run", "policy.lua"]
]==],
}
