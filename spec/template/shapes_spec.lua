-- Members of options that are tables: what passed here and failed at AWS.

local kinds = require "watchbot.template.kinds"
local shapes = require "watchbot.template.shapes"

local function problem(name, value) return kinds.problem(shapes[name], value) end

local function many(count)
  local tags = {}
  for index = 1, count do tags["k" .. index] = "v" end
  return tags
end

describe("the shape of", function()
  it("tags: at most 50, no name of AWS's own, and only letters that every service takes", function()
    assert.is_nil(problem("tags", many(50)))
    assert.is_nil(problem("tags", { ["team:a/b"] = "Größe 1_2+3=4@x", empty = "" }))
    assert.matches("at most 50, got 51", problem("tags", many(51)))
    for _, name in ipairs { "aws:x", "AWS:x", "a*b", ("k"):rep(129) } do
      assert.matches("expected a tag's name", problem("tags", { [name] = "1" }))
    end
    assert.matches("expected a tag's value", problem("tags", { a = "b<c" }))
    assert.matches("expected a tag's value", problem("tags", { a = ("v"):rep(257) }))
  end)

  it("a webhook: no header twice, in any letters, which SNS refuses", function()
    assert.matches("'x%-a' is listed twice", problem("webhook", { headers = { "X-A", "x-a" } }))
    assert.matches("at most 10 names", problem("webhook", { headers = {
      "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K" } }))
    assert.is_nil(problem("webhook", { headers = { "X-A", "X-B" } }))
  end)

  it("alarms: what an alarm does is an ARN, and no FIFO topic", function()
    assert.matches("expected the ARN", problem("alarms", { action = "me@example.com" }))
    assert.matches("not FIFO", problem("alarms", { action = "arn:aws:sns:eu-west-1:1:a.fifo" }))
    assert.is_nil(problem("alarms", { action = "arn:aws:automate:eu-west-1:ec2:stop" }))
    assert.matches("up to a day, got 86460", problem("alarms", { dlqSize = { period = 86460 } }))
  end)

  it("numbers: given as text, they are read, in lists of numbers and in members, too", function()
    assert.are.equal(14, kinds.read(shapes.retention, "14"))
    local read = kinds.read(shapes.alarms, { dlqSize = { period = "300" } })
    assert.are.equal(300, read.dlqSize.period)
  end)
end)
