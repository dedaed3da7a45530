-- The webhook is a real server here: it writes each post to a file, and answers as the
-- test asks.
local cjson = require "cjson"
local server = require "support.server"
local shell = require "support.shell"
local workshop = require "support.workshop"

local HERE = "doc/examples/slack/"

-- Runs one message that is rejected; the posts that the webhook got, and the log.
local function run(folder, status)
  assert(os.execute(("cp %s* %s"):format(HERE, shell.quote(folder.path))))
  local webhook = server.start("python3", "spec/support/posts.py", folder:file "posts", status)
  local environment = {
    QueueUrl = false, NotificationTopic = false, SLACK_WEBHOOK = webhook.url .. "/services/secret",
  }
  workshop.run(folder, { "send", "--queue", "sqlite:jobs.db", "no <such> & such" }, environment)
  local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" }, environment)
  webhook:close()
  assert.are.equal(0, exit.code, log)
  local posts = {}
  for _, line in ipairs(folder:lines "posts") do posts[#posts + 1] = cjson.decode(line) end
  return posts, log
end

describe("the example slack", function()
  it("posts what has failed, with Slack's markup escaped", workshop.task(function(folder)
    local posts, log = run(folder, 200)
    assert.are.equal(1, #posts, log)
    assert.matches("^%*.*%*\n```.*no &lt;such&gt; &amp; such.*```$", posts[1].text)
    assert.matches("cannot find it", posts[1].text)
    assert.is_nil(log:find("secret", 1, true), log)
  end))

  it("logs a post that fails, and the outcome stays", workshop.task(function(folder)
    local posts, log = run(folder, 500)
    assert.are.equal(1, #posts)
    assert.matches("could not post to Slack: the webhook answers 500", log)
    assert.matches('"outcome":"reject"', log)
  end))
end)
