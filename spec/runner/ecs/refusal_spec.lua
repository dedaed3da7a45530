-- What AWS's words mean, for the words that its pages list and that users of RunTask have reported.

local refusal = require "watchbot.runner.ecs.refusal"

describe("a reason of ECS", function()
  -- "No Container Instances were found in your cluster." was the job's failure: attempts were
  -- spent.
  local MEANINGS = {
    no_room = {
      "RESOURCE:MEMORY", "RESOURCE:CPU", "RESOURCE:GPU", "RESOURCE:ENI", "AGENT",
      "EMPTY CAPACITY PROVIDER", "NO ACTIVE INSTANCES", "TaskFailedToStart: RESOURCE:CPU",
      "Capacity is unavailable at this time. Please try again later or in a different zone",
      "No Container Instances were found in your cluster.",
      "No Container Instances were found in your capacity provider.",
      "You've reached the limit on the number of tasks you can run concurrently",
      "You\u{2019}ve reached the limit on the number of vCPUs you can run concurrently",
      "You've reached the limit of tasks in the PROVISIONING state", "Internal error.",
      "Timeout waiting for network interface provisioning to complete.",
    },
    throttled = {
      "Rate exceeded", "Tasks cannot be started: ThrottlingException: Rate exceeded",
      "Error retrieving security group information for [sg-1]: Request limit exceeded. "
        .. "(ErrorCode: RequestLimitExceeded)",
    },
    configuration = {
      "LOCATION", "ATTRIBUTE", "MemberOf placement constraint unsatisfied.", "INACTIVE", "MISSING",
      "The requested CPU configuration is above your limit", "TaskDefinition is inactive",
      "Override for container named side is not a container in the TaskDefinition.",
      "The referenced cluster was inactive.",
      "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.",
    },
    unknown = { "", "something new", "ResourceInitializationError: unable to pull secrets" },
  }

  it("is no room, throttling, configuration, or not known", function()
    for kind, texts in pairs(MEANINGS) do
      for _, text in ipairs(texts) do assert.are.equal(kind, refusal.of_text(text), text) end
    end
  end)

  it("means the same in the error of a call", function()
    for kind, texts in pairs(MEANINGS) do
      for _, text in ipairs(texts) do
        if kind ~= "unknown" and not text:find "^TaskFailed" then
          local err = ("ecs:RunTask: %s (ClientException, HTTP 400, request 1)"):format(text)
          assert.are.equal(kind, refusal.of_error(err, "ClientException"), text)
        end
      end
    end
  end)

  it("is read in no time, however long it is", function()
    for _, filler in ipairs { " ", '"', "{", "reached the limit o" } do
      assert.are.equal("unknown", refusal.of_text(filler:rep(2 ^ 20 // #filler)))
    end
  end)
end)

describe("an error of ECS", function()
  local function of(code, err) return refusal.of_error(err or "ecs:RunTask: no", code) end

  it("is known by its code", function()
    for code, kind in pairs {
      ThrottlingException = "throttled", RequestLimitExceeded = "throttled",
      LimitExceededException = "throttled",
      Http429 = "throttled", ServerException = "uncertain", Http500 = "uncertain",
      Http503 = "uncertain",
      Timeout = "uncertain", ConnectionLost = "uncertain", BadAnswer = "uncertain",
      TooLarge = "uncertain",
      ResolveFailed = "uncertain", AccessDeniedException = "denied",
      ClusterNotFoundException = "configuration",
      InvalidParameterException = "configuration", PlatformUnknownException = "configuration",
      BlockedException = "configuration", ClientException = "unknown", SomethingNew = "unknown",
    } do
      assert.are.equal(kind, of(code), code)
    end
    assert.are.equal("unknown", refusal.of_error(nil, nil))
  end)

  it("passes or does not", function()
    for kind, passes in pairs {
      no_room = true, throttled = true, uncertain = true, denied = false, configuration = false,
      unknown = false,
    } do
      assert.are.equal(passes, refusal.passes(kind))
    end
  end)
end)
