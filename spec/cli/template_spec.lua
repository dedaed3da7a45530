local cfn_lint = require "support.cfn_lint"
local cjson = require "cjson"
local workshop = require "support.workshop"

local task = workshop.task

local STACK = [[
local watchbot = require "watchbot"
local watcher = watchbot.template {
  mode = "task", cluster = "main", service = "tiles", serviceVersion = "v1",
  notificationEmail = "me@example.com",
  %s
}
return watchbot.merge({ Parameters = { Size = { Type = "String" } } }, watcher,
  { Outputs = { Topic = { Value = watcher.ref.topic }, Size = { Value = watchbot.cf.ref "%s" } } })
]]

local function write(folder, options, reference)
  folder:write("stack.lua", STACK:format(options or "", reference or "Size"))
end

local function run(folder, ...)
  local exit, out, problem = workshop.run(folder, { "template", ... })
  return exit.code, out, problem
end

describe("watchbot template", function()
  it("prints JSON in one order each time", task(function(folder)
    write(folder)
    local code, out, problem = run(folder, "stack.lua")
    assert.are.equal(0, code, problem)
    local made = cjson.decode(out)
    assert.are.equal("WatchbotTopic", made.Outputs.Topic.Value.Ref)
    assert.are.equal("AWS::SQS::Queue", made.Resources.WatchbotQueue.Type)
    for _ = 1, 3 do assert.are.equal(out, select(2, run(folder, "stack.lua"))) end
    assert.are.equal(out, select(2, run(folder, "--format", "json", "stack.lua")))
  end))

  it("prints YAML", task(function(folder)
    write(folder)
    local code, out = run(folder, "--format", "yaml", "stack.lua")
    assert.are.equal(0, code)
    assert.matches('^AWSTemplateFormatVersion: "2010%-09%-09"\nParameters:\n  Size:\n    Type: '
      .. 'String\nResources:\n', out)
    assert.are.same({}, cfn_lint.run { folder:write("stack.yaml", out) })
  end))

  it("runs the file as policies run: modules of its own folder, and it may wait",
    task(function(folder)
    folder:write("mine.lua", "return { service = 'mine' }")
    folder:write("stack.lua",
      [[require "watchbot".scheduler.sleep(0.01) return require "watchbot".template {
      mode = "process", cluster = "main",
      service = require "mine".service, serviceVersion = "v1", command = "./a",
      notificationEmail = "me@example.com" }]])
    local code, out, problem = run(folder, "stack.lua")
    assert.are.equal(0, code, problem)
    assert.matches("Watchbot%-worker%-mine", out)
  end))

  it("tells the author's mistakes by file and line, with status 2", task(function(folder)
    local function refused(text, pattern)
      folder:write("stack.lua", text)
      local code, out, problem = run(folder, "stack.lua")
      assert.are.equal(2, code)
      assert.are.equal("", out)
      assert.matches(pattern, problem)
    end
    write(folder, "wrkers = 2,")
    local code, _, problem = run(folder, "stack.lua")
    assert.are.equal(2, code)
    assert.matches("stack%.lua:5: unknown option 'wrkers'; did you mean 'workers'%?", problem)
    refused("local a = = 1", "stack%.lua:1: ")
    refused("return 5", "stack%.lua: must return a template, .* but returned a number")
    refused("local a", "but returned nothing")
    refused("local w = require 'watchbot'\n\nlocal a = w.cf.ref()", "stack%.lua:3: cf%.ref")
    refused("local w = require 'watchbot'\nlocal a = w.merge({ Resources = { A = {} } }, { "
      .. "Resources = { A = {} } })\nreturn a",
      "stack%.lua:2: merge: 'A' of Resources is in argument 1 and in argument 2")
    refused("return { Resources = { A = { Type = 'T', Properties = { X = print } } } }",
      "stack%.lua: Resources%.A%.Properties%.X: a function cannot be in a template")
    assert.matches("could not read the stack file: .*missing%.lua",
      select(3, run(folder, "missing.lua")))
  end))

  it("refuses arguments that make no sense, with status 2", task(function(folder)
    write(folder)
    for _, case in ipairs {
      { "no stack file: watchbot template STACK.lua" },
      { "expected one stack file, got 'stack.lua other.lua'", "stack.lua", "other.lua" },
      { "expected json or yaml, got 'xml'", "--format", "xml", "stack.lua" },
      { "unknown option '%-%-chek'; did you mean '%-%-check'%?", "--chek", "stack.lua" },
      { "%-%-check and %-%-diff", "--check", "--diff", "a.json", "stack.lua" },
    } do
      local code, _, problem = run(folder, table.unpack(case, 2))
      assert.are.equal(2, code)
      assert.matches(case[1], problem)
    end
  end))

  it("lists the options", task(function(folder)
    local code, out = run(folder, "--options")
    assert.are.equal(0, code)
    for _, name in ipairs(require "watchbot.template.options".names) do
      assert.matches("\n  " .. name .. ": ", out, nil, name)
    end
  end))
end)

describe("watchbot template --check", function()
  local can_lint = os.execute "command -v cfn-lint >/dev/null"

  it("finds nothing wrong, and says who has looked", task(function(folder)
    write(folder)
    local code, out, problem = run(folder, "--check", "stack.lua")
    assert.are.equal(0, code, out .. problem)
    assert.matches(can_lint and "no problems found; %d+ bytes; cfn%-lint too"
      or "cfn%-lint is not installed", out)
  end))

  it("names what is wrong, with status 1", task(function(folder)
    write(folder, "", "Sizes")
    local code, out = run(folder, "--check", "stack.lua")
    assert.are.equal(1, code)
    assert.matches("Outputs%.Size%.Value: no parameter or resource of the template is called "
      .. "'Sizes'", out)
    assert.matches("%d problems? found", out)
  end))

  it("says so where cfn-lint is not installed, and checks what it can", task(function(folder)
    write(folder, "", "Sizes")
    local exit, out =
      workshop.run(folder, { "template", "--check", "stack.lua" }, { PATH = folder.path })
    assert.are.equal(1, exit.code)
    assert.matches("called 'Sizes'", out)
    assert.matches("1 problem found; %d+ bytes; cfn%-lint is not installed: properties of "
      .. "resources "
      .. "were not checked", out)
  end))

  it("hands on what cfn-lint finds", task(function(folder)
    if not can_lint then return pending "cfn-lint is not on PATH" end
    folder:write("stack.lua",
      [[return {
        Resources = { Queue = { Type = "AWS::SQS::Queue", Properties = { Nam = "a" } } } }]])
    local code, out = run(folder, "--check", "stack.lua")
    assert.are.equal(1, code)
    assert.matches("Resources%.Queue%.Properties%.Nam: .*%(E3002%)", out)
  end))
end)

describe("watchbot template --diff", function()
  local function deployed(folder, options, wrap)
    write(folder, options)
    local code, out, problem = run(folder, "stack.lua")
    assert.are.equal(0, code, problem)
    folder:write("deployed.json", wrap and wrap(out) or out)
  end

  it("has nothing to tell of what is deployed", task(function(folder)
    local function same(wrap)
      deployed(folder, "", wrap)
      local code, out, problem = run(folder, "--diff", "deployed.json", "stack.lua")
      assert.are.equal(0, code, problem)
      assert.are.equal("0 added, 0 removed, 0 changed, 0 replaced; no data is lost\n", out)
    end
    same()
    -- As `aws cloudformation get-template` prints it: an object, or the text that was handed in.
    same(function(text)
      return ('{"TemplateBody": %s, "StagesAvailable": ["Original"]}'):format(text)
    end)
    same(function(text) return cjson.encode { TemplateBody = text } end)
  end))

  it("tells changes by their properties", task(function(folder)
    deployed(folder, "messageTimeout = 60, user = true,")
    write(folder, "reduce = true,")
    local code, out = run(folder, "--diff", "deployed.json", "stack.lua")
    assert.are.equal(1, code)
    assert.matches("~ WatchbotQueue %(AWS::SQS::Queue%)\n    Properties%.VisibilityTimeout: 60 "
      .. "%-> 180\n", out)
    assert.matches("%+ WatchbotProgressTable %(AWS::DynamoDB::Table%)\n", out)
    assert.matches("%- WatchbotUserKey %(AWS::IAM::AccessKey%)\n    LOST with the old one: the "
      .. "key that senders have\n", out)
    assert.matches("! WatchbotWorker %(AWS::ECS::TaskDefinition%)\n.-    REPLACED by a new "
      .. "resource\n", out)
    assert.matches("2 lose data", out)
  end))

  it("tells loudly what a replacement loses or leaves behind", task(function(folder)
    deployed(folder, "")
    write(folder, "fifo = true,")
    local code, out = run(folder, "--diff", "deployed.json", "stack.lua")
    assert.are.equal(1, code)
    assert.matches("! WatchbotTopic .-REPLACED by a new resource\n    LOST with the old one: its "
      .. "subscriptions", out)
    assert.matches("! WatchbotQueue .-REPLACED by a new resource\n    LEFT BEHIND with the old "
      .. "one, .-: "
      .. "the messages in it", out)
    assert.matches("1 lose data, 2 would leave data behind", out)
  end))

  it("tells what CloudFormation would refuse", task(function(folder)
    folder:write("deployed.json", [[{"Resources": {"A": {"Type": "AWS::SQS::Queue"}}}]])
    folder:write("stack.lua", [[return { Resources = { A = { Type = "AWS::SNS::Topic" } } }]])
    local code, out = run(folder, "--diff", "deployed.json", "stack.lua")
    assert.are.equal(1, code)
    assert.matches("REFUSED by CloudFormation: the type of a resource cannot change", out)
    assert.matches("0 replaced, 1 refused; no data is lost\n$", out)
  end))

  it("refuses what is no template in JSON", task(function(folder)
    write(folder)
    for _, text in ipairs { "Resources:\n  A: 1\n", "{}", "[]",
      '{"TemplateBody": "Resources:\\n"}' } do
      folder:write("deployed.json", text)
      local code, _, problem = run(folder, "--diff", "deployed.json", "stack.lua")
      assert.are.equal(2, code)
      assert.matches("'deployed%.json' is no template in JSON", problem)
    end
    assert.are.equal(2, (run(folder, "--diff", "missing.json", "stack.lua")))
  end))
end)
