{{ all_versions(
    'transactions',
    ['checking', 'savings', 'receipts'],
    {'date': 'date', 'amount': 'numeric(38, 9)', 'description': api.Column.translate_type('string')}
) }}
