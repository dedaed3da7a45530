--- cli.project.lambda: the files of a new project around a Lambda function, in Python or for Node.

local dockerfile = require "watchbot.cli.project.dockerfile"
local luarc = require "watchbot.cli.project.luarc"
local stack = require "watchbot.cli.project.stack"

local POLICY = [==[
-- What @NAME@ does with each message: the function @HANDLER@ gets it in the event of an SQS
-- trigger, and its answer decides what happens to the message. doc/lambda.md of watchbot says how.
-- `watchbot help policy` lists all fields and hooks; spec/policy_spec.lua tests this file.

local watchbot = require "watchbot"

-- AWS's images say where their runtime is; elsewhere it is the client's package.
local runtime = os.getenv "LAMBDA_RUNTIME_DIR"
local command = runtime and { runtime .. "/bootstrap" } or { @COMMAND@ }

local policy = watchbot.policy {
  queue   = os.getenv "QueueUrl" or "sqlite:jobs.db", -- the stack sets QueueUrl
  lambda  = { command = command, handler = "@HANDLER@" },
  timeout = 15 * 60,                                  -- seconds of one invocation
  exits   = { Hopeless = "reject" },                  -- the type of an error: delete and notify
}

-- Double the wait each time, but never past ten minutes.
function policy:backoff(job)
  return math.min(600, watchbot.policy.backoff(self, job))
end

return policy
]==]

local SPEC = [==[
-- What the policy does with messages and with the answers of the function. Runs nothing, needs no
-- queue, and waits for nothing: the clock is the test's. Run it with `watchbot test --spec`.

local testing = require "watchbot.testing"

describe("the policy of @NAME@", function()
  local w

  before_each(function() w = testing.watch "policy.lua" end)

  after_each(function() w:close() end)

  it("deletes a message that is done", function()
    w:message "tile 7/3/5"
    assert.are.equal("complete", w:exits(0))
    assert.are.equal("deleted", w:state())
  end)

  it("deletes what is hopeless, and sends a notification", function()
    w:message "tile 7/3/5"
    assert.are.equal("reject", w:exits { code = 1, error = "Hopeless", reason = "no such tile" })
    assert.matches("no such tile", w:notifications()[1].body)
  end)

  it("tries again what has failed, later each time", function()
    w:message "tile 7/3/5"
    for attempt = 1, 3 do
      assert.are.equal("retry", w:exits { code = 1, error = "ValueError", reason = "no luck" })
      assert.are.equal(2 ^ attempt, w:backoff())
      w:advance(w:backoff())
    end
  end)
end)
]==]

local PYTHON = [==[
"""Does the work: called with one message, in the event of an SQS trigger."""


class Hopeless(Exception):
    """The message can never be worked on: policy.lua has it deleted, with a notification."""


def handler(event, context):
    for record in event["Records"]:
        if not record["body"]:
            raise Hopeless("there is nothing to do in an empty message")
        print("working on", record["body"], flush=True)
]==]

local NODE = [==[
// Does the work: called with one message, in the event of an SQS trigger.

// The message can never be worked on: policy.lua has it deleted, with a notification.
class Hopeless extends Error {
  name = "Hopeless";
}

export async function handler(event) {
  for (const record of event.Records) {
    if (!record.body) throw new Hopeless("there is nothing to do in an empty message");
    console.log(`working on ${record.body}`);
  }
}
]==]

local DOCKERFILE = "# The image of @NAME@: AWS's image for the runtime, started by watchbot.\n"
  .. dockerfile.image [==[
# Then:
#   docker build --tag @NAME@ .
]==] .. [==[
FROM public.ecr.aws/lambda/@IMAGE@
COPY --from=watchbot /usr/bin/watchbot /usr/local/bin/
COPY @FILE@ policy.lua ${LAMBDA_TASK_ROOT}/
# AWS's entry point would start the function itself, and the stack names the whole command.
ENTRYPOINT []
CMD ["watchbot", "run", "policy.lua"]
]==]

local README = [==[
# @NAME@

A Lambda function that watchbot runs: `@FILE@` gets the messages of a queue in the event of an SQS
trigger, in a resident process.

Try it locally, without an AWS account, once its runtime client is there (`@INSTALL@`):

    watchbot send --queue sqlite:jobs.db "tile 7/3/5"
    watchbot run --drain policy.lua

What would the policy do?

    watchbot test policy.lua --message "tile 7/3/5" --exit 1
    watchbot test --spec      # runs spec/policy_spec.lua, without busted

| file | what |
|---|---|
| `@FILE@` | the function |
| `policy.lua` | what happens to messages, as fields and hooks: `watchbot help policy` |
| `spec/policy_spec.lua` | the policy's tests |
| `stack.lua` | the CloudFormation stack: `watchbot help template` |
| `Dockerfile` | the image: AWS's for the runtime, watchbot, the policy, the function |
]==]

local languages = {
  python = {
    FILE = "app.py", HANDLER = "app.handler", COMMAND = '"python3", "-m", "awslambdaric"',
    IMAGE = "python:3.13", INSTALL = "pip install awslambdaric", text = PYTHON,
  },
  node = {
    FILE = "index.mjs", HANDLER = "index.handler", COMMAND = '"npx", "aws-lambda-ric@3"',
    IMAGE = "nodejs:22", INSTALL = "npm install aws-lambda-ric@3", text = NODE,
  },
}

local lambda = {}

--- The languages with a project template.
---@type table<string, true>
lambda.languages = { python = true, node = true }

--- The files of a project.
---@param language "python"|"node"
---@return { path: string, text: string }[]
function lambda.files(language)
  local one = languages[language]
  local files = {
    { path = "policy.lua", text = POLICY }, { path = one.FILE, text = one.text },
    { path = "spec/policy_spec.lua", text = SPEC },
    { path = "stack.lua", text = (stack.process:gsub("/app/policy", "/var/task/policy")) },
    { path = "Dockerfile", text = DOCKERFILE }, { path = "README.md", text = README },
    { path = ".gitignore", text = "/jobs.db*\n/stack.json\n/node_modules\n" },
    { path = luarc.path, text = luarc.process },
  }
  for _, file in ipairs(files) do
    if file.text ~= one.text then
      file.text = file.text:gsub("@(%u+)@", one)
    end
  end
  return files
end

return lambda
