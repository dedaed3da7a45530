local cf = require "watchbot.template.cf"
local merge = require "watchbot.template.merge"
local templates = require "support.templates"

local function refusal(...)
  local ok, err = pcall(merge, ...)
  assert.is_false(ok)
  return tostring(err)
end

describe("merge", function()
  it("joins sections, and leaves its arguments as they are", function()
    local mine = {
      Parameters = { Cluster = { Type = "String" } },
      Resources = { Bucket = { Type = "AWS::S3::Bucket" } },
    }
    local more = {
      Resources = { Topic = { Type = "AWS::SNS::Topic" } },
      Outputs = { Topic = { Value = cf.ref "Topic" } },
    }
    local made = merge({ AWSTemplateFormatVersion = "2010-09-09" }, mine, more)
    assert.are.same({
      AWSTemplateFormatVersion = "2010-09-09", Parameters = mine.Parameters, Outputs = more.Outputs,
      Resources = { Bucket = mine.Resources.Bucket, Topic = more.Resources.Topic },
    }, made)
    assert.is_nil(mine.Resources.Topic)
    assert.is_nil(more.Resources.Bucket)
    assert.are.same({}, merge())
  end)

  it("refuses two resources of one name, also equal ones, and names both owners", function()
    local err = refusal({ Resources = { WatchbotQueue = { Type = "AWS::SQS::Queue" } } },
      templates.make "task")
    assert.matches("'WatchbotQueue' of Resources is in argument 1 and in argument 2 "
      .. "%(watchbot%.template, prefix 'Watchbot'%)",
      err)
    local queue = { Resources = { Queue = { Type = "AWS::SQS::Queue" } } }
    assert.matches("'Queue' of Resources is in argument 1 and in argument 3",
      refusal(queue, {}, queue))
  end)

  it("tells of several clashes the same one each time", function()
    local watcher = templates.make "task"
    for _ = 1, 5 do
      assert.matches("'WatchbotBuriedMessagesMetric' of Resources",
        refusal(watcher, templates.make "task"))
    end
  end)

  it("takes two watchers with prefixes of their own, each with its cluster", function()
    local made = merge(templates.make("task", { prefix = "Big" }),
      templates.make("process", { prefix = "Small", cluster = "other" }))
    assert.is_table(made.Resources.BigQueue)
    assert.is_table(made.Resources.SmallQueue)
    assert.are.same({ "main", "other" },
      { made.Outputs.BigClusterArn.Value, made.Outputs.SmallClusterArn.Value })
  end)

  it("refuses parameters, outputs and texts of one name that differ", function()
    local function with(type) return { Parameters = { Size = { Type = type } } } end
    assert.are.same(with "String", merge(with "String", with "String"))
    assert.matches("'Size' of Parameters is in argument 1 and in argument 2",
      refusal(with "String", with "Number"))
    assert.matches("'Description' is in argument 1 and in argument 2",
      refusal({ Description = "a" }, { Description = "b" }))
    assert.are.same({ Description = "a" }, merge({ Description = "a" }, { Description = "a" }))
  end)

  it("keeps each transform once", function()
    assert.are.same({ Transform = { "A", "B" } },
      merge({ Transform = "A" }, { Transform = { "B", "A" } }))
    assert.are.same({ Transform = "A" }, merge({ Transform = "A" }, { Transform = "A" }))
    -- One that has parameters, a table without positions, was lost.
    local include = { Name = "AWS::Include", Parameters = { Location = "s3://a/b" } }
    assert.are.same({ Transform = include },
      merge({ Transform = include }, { Transform = include }))
    assert.are.same({ Transform = { "A", include } },
      merge({ Transform = "A" }, { Transform = include }))
  end)

  it("refuses what is no template", function()
    assert.matches("argument 2: expected a template, got a nil", refusal({}, nil))
    assert.matches("argument 1: expected a template, got 'a'", refusal "a")
    assert.matches("'Outputs' is in argument 1 and in argument 2",
      refusal({ Outputs = "none" }, { Outputs = { A = 1 } }))
    assert.matches("'Outputs' is in argument 1 and in argument 2",
      refusal({ Outputs = { A = 1 } }, { Outputs = "none" }))
  end)

  it("tells the line of the name", function()
    local source = "local merge = ...\nlocal made = merge({ Outputs = { A = { Value = 1 } } }, "
      .. "{\n  Outputs = {\n"
      .. "    A = { Value = 2 } } })"
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write(source)
    file:flush()
    local ok, err = pcall(assert(loadfile(path)), merge)
    os.remove(path)
    assert.is_false(ok)
    assert.matches("^" .. path:gsub("%p", "%%%0") .. ":2: merge: 'A' of Outputs", err)
  end)
end)
