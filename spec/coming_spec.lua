-- The pages for those who come from elsewhere: what they show is run here.

local cjson = require "cjson"
local shell = require "support.shell"
local workshop = require "support.workshop"

local eventually, task = workshop.eventually, workshop.task

-- The blocks of code of a language on a page, in their order.
local function blocks(path, language)
  local found = {}
  for text in shell.read(path):gmatch("```" .. language .. "\n(.-)```") do
    found[#found + 1] = text
  end
  return found
end

local HERE = (shell.run "pwd"):match "[^\n]+"

local PAGE = "doc/coming-from-others.md"

-- What follows `watchbot run` in a block for sh, with the queue of the spec.
local function arguments_of(text, url)
  local words = {}
  local line = text:match "watchbot (run [^\n]*)"
  for word in line:gmatch "%S+" do words[#words + 1] = word:gsub('"', "") end
  for index, word in ipairs(words) do
    if word == "--queue" then words[index + 1] = url end
  end
  return words
end

describe("the page for those who come from elsewhere", function()
  it("has a stack instead of a manifest of Copilot that passes the check", task(function(folder)
    folder:write("stack.lua", blocks(PAGE, "lua")[1])
    local exit, out, problem = workshop.run(folder, { "template", "--check", "stack.lua" })
    assert.are.equal(0, exit.code, out .. problem)
  end))

  it("runs a worker of Beanstalk as it is", task(function(folder)
    local port = tostring(workshop.free_port())
    folder:write("worker.py", (blocks(PAGE, "python")[1]:gsub("8080", port)))
    workshop.send(folder, { "hello" })
    local words = arguments_of(blocks(PAGE, "sh")[1], folder:url())
    for index, word in ipairs(words) do words[index] = word:gsub("8080", port) end
    local child <close> = workshop.start(folder, words)
    eventually(function() return (child:output()):find('"outcome":"complete"', 1, true) end,
      "the message is complete")
    assert.matches("1 hello\n", (child:output()))
    child:kill "TERM"
    assert.are.equal(0, child:wait(workshop.PATIENCE).code)
  end))

  it("runs tasks that Celery had", task(function(folder)
    folder:write("worker.py", blocks(PAGE, "python")[2])
    folder:write("tasks.py", [[
def resize(name, width=100):
    open("resized", "a").write(f"{name} {width}\n")

TASKS = {"resize": resize}
]])
    local sh = blocks(PAGE, "sh")[3]
    workshop.send(folder, { sh:match "'({.*})'",
      '{"task": "resize", "args": ["photo-2.jpg"], "kwargs": {"width": 50}}' })
    local words = arguments_of(sh, folder:url())
    table.insert(words, 2, "--drain")
    local exit, log = workshop.run(folder, words)
    assert.are.equal(0, exit.code, log)
    assert.are.same({ "photo-1.jpg 100", "photo-2.jpg 50" }, folder:lines "resized")
  end))

  it("has commands that exist", task(function(folder)
    for _, text in ipairs(blocks(PAGE, "sh")) do
      for command in text:gmatch "watchbot (%w+)" do
        assert.are.equal(0, workshop.run(folder, { command, "--help" }).code)
      end
    end
  end))

  it("has a block of Terraform in Terraform's own form", task(function(folder)
    local _, code = shell.run "command -v terraform >/dev/null"
    if code ~= 0 then return pending "terraform is not installed" end
    local text = blocks("doc/templates.md", "terraform")[1]
    folder:write("main.tf", text)
    local out
    out, code = shell.run(("cd %s && terraform fmt -check -diff main.tf 2>/dev/null"):format(
      folder.path))
    assert.are.equal(0, code, out)
  end))

  -- AWS's provider is in a registry, and needs an account: a resource of Terraform itself, which
  -- keeps what it is given, stands for the stack. All else is what Terraform makes of the block:
  -- the template's text, its parameters, and the output.
  it("has a block of Terraform that gives its template all it needs", task(function(folder)
    local _, code = shell.run "command -v terraform >/dev/null"
    if code ~= 0 then return pending "terraform is not installed" end
    local _, json = workshop.run(folder, { "template", HERE .. "/doc/examples/tiles/stack.lua" })
    folder:write("tiles.json", json)
    local text = blocks("doc/templates.md", "terraform")[1]
    text = text:gsub('resource "aws_cloudformation_stack" "tiles" {\n(.-)\n}\n',
      'resource "terraform_data" "tiles" {\n  input = {\n%1\n'
      .. '    outputs = jsondecode(file("${path.module}/tiles.json")).Outputs\n  }\n}\n')
    text = text:gsub("aws_cloudformation_stack.tiles.outputs",
      "terraform_data.tiles.output.outputs"):gsub("aws_ecs_cluster.main", "var.cluster")
    folder:write("main.tf", text .. [[
      variable "git_sha" { default = "v1" }
      variable "cluster" { default = { name = "fleet" } }
      output "stack" { value = terraform_data.tiles.output }
    ]])
    local out
    out, code = shell.run(("cd %s && { terraform init && terraform apply -auto-approve; } "
      .. ">log 2>&1 && terraform output -json 2>/dev/null"):format(folder.path))
    assert.are.equal(0, code, folder:read "log")
    local made, template = cjson.decode(out), cjson.decode(json)
    local given = made.stack.value
    for name, parameter in pairs(template.Parameters) do
      assert.is_truthy(given.parameters[name] or parameter.Default, name)
    end
    for name in pairs(given.parameters) do assert.is_table(template.Parameters[name], name) end
    assert.are.same({ GitSha = "v1", Cluster = "fleet", AlarmEmail = "me@example.com" },
      given.parameters)
    assert.are.same({ json, "CAPABILITY_IAM" }, { given.template_body, given.capabilities[1] })
    assert.are.same(template.Outputs.WatchbotTopic.Value, made.work_topic.value.Value)
    -- A role with a name would need CAPABILITY_NAMED_IAM.
    for name, resource in pairs(template.Resources) do
      assert.is_nil((resource.Properties or {}).RoleName, name)
    end
  end))
end)
