--- cli.recipes: what `watchbot help recipes` prints: which part of watchbot, or which example, does
-- what people ask for. doc/recipes.md has the same with links.

local output = require "watchbot.cli.output"

---@type string[][] what you want, and what does it
local RECIPES = {
  { "post failures to Slack", "doc/examples/slack: the hook 'notify'" },
  { "page by PagerDuty", "doc/examples/pagerduty: the hooks 'notify' and 'verdict'" },
  { "run a job every night", "doc/examples/nightly: 'schedules'" },
  { "call an API at most ten times a second", "doc/examples/rate-limit" },
  { "leave a service alone while it is down", "doc/examples/breaker: the hook 'admit'" },
  { "move poison messages to a side queue", "doc/examples/poison: the hook 'verdict'" },
  { "run a new version for some messages", "doc/examples/canary: a function as 'command'" },
  { "compare a new version on all messages", "doc/examples/shadow: a second queue" },
  { "try a policy before it is deployed", "watchbot simulate POLICY.lua --from LOG" },
  { "work on objects of an S3 bucket", "doc/examples/s3-events" },
  { "split a job and join its parts", "doc/examples/mapreduce, watchbot progress" },
  { "put urgent messages first", "doc/examples/priorities, watchbot send --priority N" },
  { "send within an app's transaction", "doc/examples/outbox: the view 'outbox'" },
  { "run a Lambda function without Lambda", "watchbot run --lambda HANDLER -- COMMAND" },
}

return function()
  output.line "Recipes; doc/recipes.md has links, and what Celery and Sidekiq call the same.\n"
  for _, recipe in ipairs(RECIPES) do
    output.line(("  %-40s %s"):format(recipe[1], recipe[2]))
  end
end
