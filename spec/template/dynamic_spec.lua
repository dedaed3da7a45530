-- A cluster's ARN out of the Parameter Store was taken for a name, and became a part of an ARN.

local cf = require "watchbot.template.cf"
local dynamic = require "watchbot.template.dynamic"
local templates = require "support.templates"

local STORE = "{{resolve:ssm:/tiles/cluster:3}}"

describe("dynamic references", function()
  it("are calls inside, at any depth, with what the shell reads kept", function()
    assert.are.same(cf.sub(STORE), dynamic.called(STORE))
    assert.are.same({ a = { cf.sub("${!HOME}/" .. STORE) }, b = "c", d = { Ref = "E" } },
      dynamic.called { a = { "${HOME}/" .. STORE }, b = "c", d = { Ref = "E" } })
  end)

  it("are text in a template, but for those next to other values", function()
    local made = templates.make("process", { cluster = STORE, env = { A = STORE } })
    assert.are.equal(STORE, made.Resources.WatchbotService.Properties.Cluster)
    assert.are.equal(STORE, templates.environment(made.Resources.WatchbotTask.Properties).A)
    local sub = cf.sub("${!HOME} " .. STORE)
    assert.are.same(sub, dynamic.text(sub))
    assert.are.same({ "a", STORE }, dynamic.text { "a", cf.sub(STORE) })
  end)
end)
