-- Read back by a YAML parser, which has its own mind of what is a number, a date or a truth. PyYAML
-- is YAML 1.1, which sees the most of them.

local json = require "watchbot.lib.json"
local shell = require "support.shell"
local to_json = require "watchbot.template.to_json"
local to_yaml = require "watchbot.template.to_yaml"

local SCRIPT = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], "
  .. "encoding='utf-8'))))"

local function read_back(text)
  local folder = shell.folder()
  shell.write(folder .. "/template.yaml", text)
  local out, code = shell.run(("python3 -c %s %s/template.yaml 2>&1"):format(shell.quote(SCRIPT),
    folder))
  shell.remove(folder)
  assert.are.equal(0, code, out .. text)
  return json.decode(out)
end

local TEXTS = {
  "yes", "No", "on", "OFF", "y", "N", "true", "False", "null", "~", "NULL", "2001-12-14t21:59:43",
  "", " ", "a ", " a", "2010-09-09", "0123", "0o14", "0x1F", "012345678901", "123456789012", "1e3",
  "1.5", ".5", "-1", "+1",
  "1_000", ".inf", "-.Inf", ".NaN",
  "12:30", "190:20:30", "12:30:45.5", "!Ref A", "&anchor", "*alias", "- a", "-", "--- a", "...",
  "? a", ":", ": a", "a: b",
  "a:b", "a:", "a #b", "#a", "a#b", "[a]", "{a}", "a, b", "]", "}", ",", "%a", "@a", "`a", "'a'",
  "it's", '"a"', "a\\b", "|",
  ">", "=", "<<", "<", "a\nb", "a\nb\n", "a\n\nb\n", "\na", "a\n\n", " a\nb", "a\n  b\nc\n",
  "a \nb", "\ta", "a\tb",
  "a\r\nb", "\r",
  "#!/bin/sh\necho hi\n", "- a\n- b\n", "\127", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}a",
  "\u{fffd}", "\u{e9}t\u{e9}",
  "\u{1F600}", "\0", "\1\27", "*", "s3:*", "arn:aws:sqs:eu-west-1:123456789012:a",
  "${AWS::StackName}-a", "attribute:x =~ m7.*",
  "https://example.com/a?b=c&d", "rate(5 minutes)", ("long "):rep(60) .. "end",
  "key: value\nother: 1\n", "\n", "\n\n", "a\n ", "x\n\ty\n",
}

describe("a template as YAML", function()
  if not os.execute "python3 -c 'import yaml' 2>/dev/null" then
    it("is read back", function() pending "python3 has no YAML parser" end)
    return
  end

  it("keeps every text, as a value, in a list and as a key", function()
    local values, list, keys = {}, {}, {}
    for index, text in ipairs(TEXTS) do
      values[("v%03d"):format(index)], list[index], keys[text] = text, text, index
    end
    local read = read_back(to_yaml { Resources = { V = values,
      L = { Properties = list, K = keys } } }).Resources
    for index, text in ipairs(TEXTS) do
      assert.are.equal(text, read.V[("v%03d"):format(index)], ("%q"):format(text))
      assert.are.equal(text, read.L.Properties[index], ("%q"):format(text))
      assert.are.equal(index, read.L.K[text], ("%q"):format(text))
    end
  end)

  it("keeps numbers, truths, nothing, and what is empty", function()
    local made = {
      Resources = { A = {
        List = json.list {}, Map = {}, No = false, Yes = true, Null = json.null, Big = 1 << 60,
        Half = 0.5, Float = 3.0,
        Zero = 0, Small = 1e-7, Huge = 1e300, Minus = -5,
        Lists = { { 1, { 2, 3 } }, {}, json.list {}, { a = { 1 }, b = {} }, { { {} } } },
      } },
    }
    local text = to_yaml(made)
    local read = read_back(text)
    assert.are.same(made, read, text)
    local a = read.Resources.A
    assert.is_true(json.is_list(a.List))
    assert.is_false(json.is_list(a.Map))
    assert.is_true(json.is_list(a.Lists[3]))
    assert.are.equal("integer", math.type(a.Float))
    assert.are.equal("integer", math.type(a.Big))
  end)

  it("says the same as JSON of whole templates", function()
    for _, mode in ipairs { "task", "process" } do
      local made = require "support.templates".make(mode,
        { webhook = true, user = true, reduce = true, healthCheck = {
        command = "test -f /tmp/ok && true" } })
      assert.are.same(json.decode(to_json(made)), read_back(to_yaml(made)))
    end
  end)

  it("reads well: sections in order, plain words without quotes, several lines as a block",
    function()
    assert.are.equal([[
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      Lines: |
        one
        two
      QueueName: "yes"
      Tags:
        - Key: a
          Value: b
        - c
Outputs:
  Url:
    Value:
      Ref: Queue
]], to_yaml {
      Outputs = { Url = { Value = { Ref = "Queue" } } },
      Resources = { Queue = { Type = "AWS::SQS::Queue", Properties = {
        QueueName = "yes", Lines = "one\ntwo\n", Tags = { { Key = "a", Value = "b" }, "c" } } } },
    })
  end)
end)
