"""A small rule-based language model: a prompt in, an answer out, no I/O and no chance.

It calls the tools that a prompt asks for, answers from tool results and from context, fills JSON schemas, and otherwise
says something short about what it was asked. The same prompt always gets the same answer.

Frameworks have prompts of their own, and each needs a rule that reads it. The last column names one example, or else a
page, that would miss the rule; where it says tests, only those of the agents and engines of that framework would.

prompt                            whose                          rule                      needed by
--------------------------------  -----------------------------  ------------------------  --------------------------
tools that act                    every agent                    calling, matching         langchain_agent.py
a tool with the name of a class   ToolStrategy                   calling._final_form       docs/langchain.md
a tool that lists other agents    AgentWorkflow                  matching.find_choices     llamaindex_handoff.py
a tool that searches              agents with a retriever        matching._is_lookup       llamaindex_search_agent.py
values for arguments and fields   all of these                   fill, values, extract     langchain_approval.py
response_format                   structured output              structured                langchain_structured.py
a JSON schema in the text         LLMTextCompletionProgram       structured                tests
an example that is almost JSON    LLMSingleSelector              structured._loose_schema  tests
Some choices are given below      RouterQueryEngine              choices                   docs/llamaindex.md
examples of sub-questions         LLMQuestionGenerator           few_shot                  llamaindex_subquestions.py
Context information is below      query engines, chains          passages                  llamaindex_rag.py
Original Answer, Existing Answer  RefineSynthesizer              passages.answer_from      tests
Source 1, a wish for citations    CitationQueryEngine            passages._cited           docs/llamaindex.md
Follow Up Input                   CondensePlusContextChatEngine  chatter._rephrase         llamaindex_chat.py
Doc: 9, Relevance: 7              LLMRerank                      ranking                   tests
YES or NO, a score, [RESULT]      evaluators                     judging                   tests
keywords, separated by            KeywordExtractor               keywords                  docs/llamaindex.md
(subject, predicate, object)      SimpleLLMPathExtractor         triplets                  tests
<facts> <fact>                    FactExtractionMemoryBlock      facts                     tests
SQLQuery:, SQL Response:          NLSQLTableQueryEngine          sql                       tests
Thought, Action, Action Input     ReActAgent                     react                     tests
a question about what was said    anybody with a memory          chatter._remember         langchain_graph.py
anything else                     people                         chatter                   docs/quickstart.md

A test whose prompt none of these reads does not need a further rule: it gives the server a function (`answer=`).
"""

from .respond import answer_as_glm, respond

__all__ = ["answer_as_glm", "respond"]
