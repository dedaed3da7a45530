--- cli.project.readme: the README of a new project.

local first = [==[
# @NAME@

A watchbot service: `worker` runs for each message of a queue, and its exit code decides what
happens to the message.

Try it locally, without an AWS account:

    watchbot send --queue sqlite:jobs.db --subject tiles "tile 7/3/5"
    watchbot run --drain policy.lua

What would the policy do?

    watchbot test policy.lua --message "tile 7/3/5" --exit 75
    watchbot test --spec      # runs spec/policy_spec.lua, without busted

| file | what |
|---|---|
| `worker` | the program that does the work of one message |
| `policy.lua` | what happens to messages, as fields and hooks: `watchbot help policy` |
| `spec/policy_spec.lua` | the policy's tests |
| `stack.lua` | the CloudFormation stack: `watchbot help template` |
]==]

local deploy = [==[

Deploy it, once the images are in ECR under the tag `GitSha`:

    watchbot template stack.lua > stack.json
    aws cloudformation deploy --stack-name @NAME@ --template-file stack.json \
      --capabilities CAPABILITY_IAM \
      --parameter-overrides GitSha="$(git rev-parse HEAD)" Cluster=ARN AlarmEmail=you@example.com
]==]

return {
  path = "README.md",
  process = first .. "| `Dockerfile` | the image: watchbot, the policy and the worker |\n"
  .. deploy,
  task = first .. "| `Dockerfile` | two images: the worker's, and the watcher's that starts it |\n"
  .. deploy,
}
