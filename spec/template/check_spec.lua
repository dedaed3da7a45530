local cf = require "watchbot.template.cf"
local check = require "watchbot.template.check"
local templates = require "support.templates"

local function with(resources, more)
  local template = { Resources = resources }
  for name, value in pairs(more or {}) do template[name] = value end
  return template
end

local function found(template, size)
  local lines = {}
  for _, finding in ipairs(check(template, size or 1000)) do
    if not finding.note or finding.where == "the template" then
      lines[#lines + 1] = ("%s: %s"):format(finding.where, finding.message)
    end
  end
  return lines
end

local QUEUE = { Type = "AWS::SQS::Queue" }

describe("the check of a template", function()
  it("finds nothing in what watchbot.template makes", function()
    assert.are.same({}, found(templates.make "task"))
    assert.are.same({}, found(templates.make("process", {
      webhook = true, webhookKey = true, maxScalingCapacity = 3,
    })))
  end)

  it("has notes: how long a stack's name may be, and that a webhook is open", function()
    local function notes(made)
      local text = {}
      for _, finding in ipairs(check(made, 1000)) do
        text[#text + 1] = finding.note and finding.message or ""
      end
      return table.concat(text, "\n")
    end
    assert.matches("at most 56 characters", notes(templates.make "task"))
    local key = "arn:aws:kms:eu-west-1:123456789012:key/a"
    assert.matches('the key\'s policy has to let .*"sns.amazonaws.com"',
      notes(templates.make("task", { kmsKey = key })))
    assert.is_nil(notes(templates.make("task", { kmsKey = "create" })):find "key's policy")
    assert.matches("at most 51 characters", notes(templates.make("task", { fifo = true })))
    assert.matches("'webhookKey' asks for a key", notes(templates.make("task", { webhook = true })))
    assert.is_nil(notes(templates.make("task",
      { webhook = true, webhookKey = true })):find "webhookKey")
  end)

  it("finds two policies of one queue, of which one overwrites the other", function()
    local made = templates.make "task"
    made.Resources.Mine = {
      Type = "AWS::SNS::TopicPolicy", Properties = { Topics = { made.ref.topic } },
    }
    assert.are.same({ "Resources.WatchbotTopicPolicy: 'WatchbotTopic' has the policy 'Mine' "
      .. "already, and one overwrites the "
      .. "other: add statements to that" }, found(made))
  end)

  it("finds a wrong name once, in however many places it stands", function()
    -- One wrong `ref` for the cluster was 34 findings, 30 KB.
    local all = found(templates.make("task", { cluster = cf.ref "Clustr" }))
    assert.are.equal(1, #all)
    assert.matches("is called 'Clustr'.* more places", all[1])
  end)

  it("finds references that lead nowhere, by the resource", function()
    assert.are.same({
      "Resources.A.Properties.X: no parameter or resource of the template is called 'Queu'; did "
        .. "you mean 'Queue'?",
      "Resources.A.Properties.Y: no resource of the template is called 'Size'",
      "Resources.A.Properties.Z: no parameter or resource of the template is called 'Nobody'",
      "Outputs.Url.Value: no parameter or resource of the template is called 'Gone'",
    }, found(with({
      A = {
        Type = "T", Properties = {
          X = cf.ref "Queu", Y = cf.getatt("Size", "Arn"), Z = cf.sub "${Nobody}${Queue}",
        },
      },
      Queue = QUEUE,
    }, {
      Parameters = { Size = { Type = "String" } }, Outputs = { Url = { Value = cf.ref "Gone" } },
    })))
  end)

  it("knows parameters and pseudo parameters", function()
    assert.are.same({}, found(with({
      A = { Type = "T", Properties = { X = cf.sub "${Size}${AWS::Region}" } },
    },
      { Parameters = { Size = { Type = "String" } } })))
    assert.matches("'AWS::Regoin'",
      found(with { A = { Type = "T", Properties = { X = cf.ref "AWS::Regoin" } } })[1])
  end)

  it("finds conditions and dependencies that are not there", function()
    assert.are.same({
      "Resources.A.Condition: no condition of the template is called 'Big'",
      "Resources.A.DependsOn: no resource of the template is called 'C'",
      "Outputs.O.Condition: no condition of the template is called 'Out'",
      "Conditions.Small: no condition of the template is called 'Tiny'",
      "Resources.A.Properties.X: no condition of the template is called 'If'",
    }, found(with({ A = { Type = "T", Condition = "Big", DependsOn = { "B", "C" },
      Properties = { X = cf.if_("If", 1, 2) } },
      B = QUEUE }, {
        Conditions = { Small = cf.condition "Tiny" },
        Outputs = { O = { Value = 1, Condition = "Out" } },
      })))
  end)

  it("finds resources that wait for each other", function()
    local findings = found(with {
      A = { Type = "T", Properties = { X = cf.ref "B" } }, B = { Type = "T", DependsOn = "C" },
      C = { Type = "T", Properties = { Y = cf.getatt("A", "Arn") } },
    })
    assert.are.same({ "Resources.A: resources wait for each other: A -> B -> C -> A" }, findings)
    assert.are.same({ "Resources.A: resources wait for each other: A -> A" },
      found(with { A = { Type = "T", Properties = { X = cf.ref "A" } } }))
  end)

  it("finds names that CloudFormation does not take", function()
    assert.matches("^Resources%.my%-queue: a logical id has letters and digits",
      found(with { ["my-queue"] = QUEUE })[1])
    assert.matches("^Resources%.a+: a logical id .* at most 255",
      found(with { [("a"):rep(256)] = QUEUE })[1])
  end)

  it("finds sections and members of resources that there are not", function()
    assert.are.same({ "Resource: unknown section of a template; did you mean 'Resources'?" },
      found(with({ A = QUEUE }, { Resource = {} })))
    assert.are.same({ "Outputs: a section is a table, not a string" },
      found(with({ A = QUEUE }, { Outputs = "none" })))
    assert.are.same({
      "Resources.A: a resource has no 'QueueName'; it may belong in 'Properties'",
    },
      found(with { A = { Type = "AWS::SQS::Queue", QueueName = "a" } }))
    assert.are.same({ "Resources.A: a resource needs a 'Type'" }, found(with { A = {} }))
    assert.are.same({ "Resources: a template needs at least one resource" }, found {})
  end)

  it("knows the limits", function()
    local function many(count, value)
      local all = {}
      for index = 1, count do all["A" .. index] = value end
      return all
    end
    assert.are.same({}, found(with(many(500, QUEUE), { Outputs = many(200, { Value = 1 }),
      Parameters = many(0) })))
    assert.are.same({ "Resources: a template has at most 500, not 501" },
      found(with(many(501, QUEUE))))
    assert.are.same({ "Outputs: a template has at most 200, not 201" },
      found(with({ Q = QUEUE }, { Outputs = many(201, { Value = 1 }) })))
    assert.are.same({ "Parameters: a template has at most 200, not 201" },
      found(with({ Q = QUEUE }, { Parameters = many(201, { Type = "String" }) })))
    assert.are.same({}, found(with { Q = QUEUE }, 51200))
    assert.matches("above 51200 CloudFormation accepts it only from S3",
      found(with { Q = QUEUE }, 51201)[1])
    assert.matches("at most 1048576", found(with { Q = QUEUE }, 1048577)[1])
  end)
end)
