select
    transactions.asset || ':' || transactions.hash_key as transaction_key,
    transactions.source,
    transactions.date as booked_on,
    transactions.amount,
    transactions.description,
    transactions.valid_from as known_since
from (
    {{ current_versions(
        'transactions',
        ['checking', 'savings', 'receipts'],
        {'date': 'date', 'amount': 'numeric(38, 9)', 'description': api.Column.translate_type('string')}
    ) }}
) as transactions
