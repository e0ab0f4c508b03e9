"""The declared facts: all that a rule may name. Names, types, labels, and where each is written; no values."""

from collections.abc import Iterable

from greenlist.policy.engine.types import Fact, FactTable, FactType, Text

EVENT_KINDS = (
    "safety",
    "cyber",
    "quality",
    "environment",
    "tax_offence",
    "other_offence",
    "serious_dishonesty",
    "abnormal_list",
    "deregistered",
    "stopped_12m",
    "removed_from_list",
    "inspection",
    "energy_rectification",
    "refused_supervision",
    "dishonest_debtor",
)
PROFILE = "organisation's profile"
SITE = "site of the organisation"
BODY = "profile of the third-party body"
ANSWER = "answer in the applicant's form (`fact` of a field)"
REGISTRY = "title held, written when a list is published or imported"


def _fact(name: str, kind: FactType, zh: str, en: str, written: str, choices: tuple[str, ...] = ()) -> Fact:
    return Fact(name=name, type=kind, label=Text(zh=zh, en=en), written=written, choices=choices)


def _table(facts: Iterable[Fact]) -> FactTable:
    return {fact.name: fact for fact in facts}


FACTS: FactTable = _table(
    [
        _fact("org.name", FactType.TEXT, "企业名称", "name", PROFILE),
        _fact("org.code", FactType.TEXT, "统一社会信用代码", "unified social credit code", PROFILE),
        _fact("org.registered_area", FactType.AREA, "注册地", "place of registration", PROFILE),
        _fact("org.registered_address", FactType.TEXT, "注册地址", "registered address", PROFILE),
        _fact("org.legal_representative", FactType.TEXT, "法定代表人", "legal representative", PROFILE),
        _fact("org.independent_accounting", FactType.BOOL, "独立法人或视同法人的独立核算单位",
              "independent legal person, or accounted as one", PROFILE),
        _fact("org.manufacturing", FactType.BOOL, "从事实际生产的制造型企业", "really manufactures", PROFILE),
        _fact("org.industry", FactType.TEXT, "行业代码（GB/T 4754）", "industry code (GB/T 4754)", PROFILE),
        _fact("org.industry_group", FactType.TEXT, "行业类别", "industry group",
              "derived from org.industry by the rule set's industry groups"),
        _fact("org.founded_on", FactType.DATE, "成立日期", "founding day", PROFILE),
        _fact("org.size", FactType.CHOICE, "企业规模", "size of the firm", PROFILE, ("large", "medium", "small")),
        _fact("org.products", FactType.TEXT, "主要产品", "main products", PROFILE),
        _fact("org.contact_name", FactType.TEXT, "联系人", "contact person", PROFILE),
        _fact("org.contact_phone", FactType.TEXT, "联系电话", "contact telephone", PROFILE),
        _fact("org.contact_email", FactType.TEXT, "电子邮箱", "contact e-mail", PROFILE),
        _fact("org.striving_grade_a", FactType.BOOL, "创A企业", "working towards environmental grade A", PROFILE),
        _fact("site.area", FactType.AREA, "生产地", "place of production", SITE),
        _fact("site.address", FactType.TEXT, "生产地址", "production address", SITE),
        _fact("site.titles.same_category", FactType.TITLES, "同类绿色制造称号", "titles held in the same category", REGISTRY),
        _fact("body.legal_form", FactType.CHOICE, "第三方机构法人类型", "legal form of the body", BODY,
              ("firm", "institution", "association", "other")),
        _fact("body.registered_in_china", FactType.BOOL, "第三方机构在中国境内注册", "body registered in China", BODY),
        _fact("body.staff_full_time", FactType.NUMBER, "专职评价人员数", "full-time evaluators", BODY),
        _fact("body.staff_middle_or_above", FactType.NUMBER, "中级及以上职称专职人员数",
              "full-time evaluators of middle title or above", BODY),
        _fact("body.staff_senior", FactType.NUMBER, "相关专业高级职称专职人员数",
              "full-time evaluators of senior title in the fields named", BODY),
        _fact("body.fixed_office", FactType.BOOL, "固定办公场所和工作条件", "fixed office and working conditions", BODY),
        _fact("body.finance_rules", FactType.BOOL, "健全的财务管理制度", "sound finance rules", BODY),
        _fact("body.banned", FactType.BOOL, "第三方机构在禁止期内", "third-party body under a ban",
              "bans on bodies; false where no body evaluated"),
        _fact("site.titles.factory", FactType.TITLES, "绿色工厂称号", "green factory titles held", REGISTRY),
        _fact("unit.energy_level", FactType.CHOICE, "能效水平", "energy-efficiency level", ANSWER,
              ("benchmark", "advanced", "grade_1", "other")),
        _fact("park.added_value_share", FactType.NUMBER, "工业增加值占比（%）", "share of industrial added value (%)", ANSWER),
        _fact("park.main_function", FactType.BOOL, "以产品制造和能源供给为主要功能",
              "product manufacture and energy supply as main function", ANSWER),
        _fact("park.legal_boundary", FactType.BOOL, "具有法定边界和范围", "legal boundary", ANSWER),
        _fact("park.one_body", FactType.BOOL, "具备统一管理机构", "one management body", ANSWER),
        _fact("park.level", FactType.CHOICE, "园区级别", "level of the park", ANSWER, ("nation", "province", "city", "county")),
        _fact("park.kind", FactType.CHOICE, "园区类型", "type of the park", ANSWER, ("etdz", "hidz", "park", "other")),
        _fact("park.low_carbon_pilot", FactType.BOOL, "国家低碳工业园区试点", "national low-carbon pilot park", ANSWER),
        _fact("park.circular", FactType.BOOL, "开展循环化改造", "circular transformation under way", ANSWER),
        _fact("park.micro_grid", FactType.BOOL, "建设绿色微电网", "builds a green micro-grid", ANSWER),
        _fact("park.zero_waste", FactType.BOOL, "创建无废园区", "becoming a zero-waste park", ANSWER),
        _fact("park.zero_carbon", FactType.BOOL, "创建零碳园区", "becoming a zero-carbon park", ANSWER),
        _fact("unit.producer_responsibility", FactType.BOOL, "汽车产品生产者责任延伸试点企业",
              "pilot of extended producer responsibility for vehicles", ANSWER),
        _fact("unit.partners", FactType.WORDS, "报告所列园区内企业或供应商",
              "firms of the park, or suppliers, that the report names", ANSWER),
        _fact("unit.green_partners", FactType.NUMBER, "园区内企业或供应商中的绿色工厂数（按名单核对）",
              "green factories among the firms of the park, or suppliers, by the lists",
              "titles of the firms noted inside the park and of those that `unit.partners` names"),
        _fact("unit.green_share", FactType.NUMBER, "园区内企业中绿色工厂占比（%，按登记的园区内企业和名单核对）",
              "share of green factories among the firms noted inside the park (%)", "titles of the firms noted inside the park"),
        _fact("park.plan_published", FactType.BOOL, "已发布园区绿色工厂培育计划",
              "published plan to bring on green factories", ANSWER),
        _fact("event.kind", FactType.CHOICE, "不良记录类别", "kind of adverse record", "adverse records", EVENT_KINDS),
    ]
)  # fmt: skip
